//! Lines out of bytes that arrive in pieces, with bounded memory: a line that is too long is named and passed over.
//! Must not know: what lines mean.

/// Splits at line feeds; a carriage return before one belongs to it. Lines count from 1.
pub struct Lines {
    limit: usize,
    number: u64,
    /// The beginning of a line whose end has not arrived.
    rest: Vec<u8>,
    /// Inside a line that is too long.
    passing: bool,
}

impl Lines {
    pub fn new(limit_bytes: usize) -> Lines {
        Lines { limit: limit_bytes, number: 1, rest: Vec::new(), passing: false }
    }

    /// Hands every line that is now complete to `each`, with its number: its text, or why it cannot be read.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(u64, Result<&str, String>)) {
        for piece in bytes.split_inclusive(|b| *b == b'\n') {
            match piece.strip_suffix(b"\n") {
                Some(end) => self.end(end, &mut each),
                None => self.keep(piece),
            }
        }
    }

    /// The last line, when no line feed ended it.
    pub fn finish(mut self, mut each: impl FnMut(u64, Result<&str, String>)) {
        if self.passing || !self.rest.is_empty() {
            self.end(b"", &mut each);
        }
    }

    fn keep(&mut self, piece: &[u8]) {
        if self.passing || self.rest.len() + piece.len() > self.limit {
            self.passing = true;
            self.rest.clear();
        } else {
            self.rest.extend_from_slice(piece);
        }
    }

    fn end(&mut self, end: &[u8], each: &mut impl FnMut(u64, Result<&str, String>)) {
        if self.passing || self.rest.len() + end.len() > self.limit {
            each(self.number, Err(format!("the line is longer than {} bytes", self.limit)));
        } else if self.rest.is_empty() {
            each(self.number, read(end));
        } else {
            self.rest.extend_from_slice(end);
            each(self.number, read(&self.rest));
        }
        self.passing = false;
        self.rest.clear();
        self.number += 1;
    }
}

fn read(line: &[u8]) -> Result<&str, String> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    std::str::from_utf8(line).map_err(|e| format!("the line is no UTF-8 from byte {} on", e.valid_up_to()))
}

#[cfg(test)]
mod tests {
    use super::Lines;

    fn split(limit: usize, pieces: &[&[u8]]) -> Vec<String> {
        let mut lines = Lines::new(limit);
        let mut all = Vec::new();
        let mut each = |number: u64, line: Result<&str, String>| all.push(format!("{number} {}", line.unwrap_or("(broken)")));
        for piece in pieces {
            lines.push(piece, &mut each);
        }
        lines.finish(&mut each);
        all
    }

    #[test]
    fn lines_whatever_the_pieces() {
        let text = b"one\r\n\nthree\nlast";
        let wanted = ["1 one", "2 ", "3 three", "4 last"];
        assert_eq!(split(10, &[text]), wanted);
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(split(10, &bytes), wanted);
    }

    #[test]
    fn a_broken_line_costs_only_itself() {
        assert_eq!(split(4, &[b"12345\nok\n\xff\nok"]), ["1 (broken)", "2 ok", "3 (broken)", "4 ok"]);
        assert_eq!(split(4, &[b"12", b"345", b"67\nok"]), ["1 (broken)", "2 ok"]);
        assert_eq!(split(4, &[b"1234567"]), ["1 (broken)"]);
    }
}
