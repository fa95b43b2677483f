//! Places in a text: bytes as Rust has them, lines and UTF-16 units as the protocol has them, lines and characters as
//! findings have them. Promises: a place outside of the text becomes the nearest one in it.

use gen_lsp_types::{Position, Range};

/// The byte of a position; behind a line's end it is the end.
pub fn byte_of(text: &str, at: Position) -> usize {
    let Some(start) = line_start(text, at.line as usize) else { return text.len() };
    let mut units = 0;
    for (byte, character) in line(text, start).char_indices() {
        if units >= at.character as usize {
            return start + byte;
        }
        units += character.len_utf16();
    }
    start + line(text, start).len()
}

/// The position of a byte; of a character's middle, its beginning.
pub fn position_of(text: &str, byte: usize) -> Position {
    let byte = (0..=byte.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let before = &text[..byte];
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    position(before.matches('\n').count(), before[start..].encode_utf16().count())
}

pub fn range_of(text: &str, bytes: &std::ops::Range<usize>) -> Range {
    Range { start: position_of(text, bytes.start), end: position_of(text, bytes.end) }
}

/// Where a finding stands; the file's beginning where it has no place.
pub fn range_of_finding(text: &str, at: Option<guerdon_rules::diagnostic::Position>) -> Range {
    let Some(at) = at else { return Range::default() };
    let Some(start) = line_start(text, at.line.saturating_sub(1)) else {
        let end = position_of(text, text.len());
        return Range { start: end, end };
    };
    let line_text = line(text, start);
    let units = |characters: usize| line_text.chars().take(characters).map(char::len_utf16).sum();
    let first = at.column.saturating_sub(1);
    let number = at.line.saturating_sub(1);
    Range { start: position(number, units(first)), end: position(number, units(first + at.length)) }
}

fn position(line: usize, character: usize) -> Position {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Position { line: number(line), character: number(character) }
}

/// Where a line begins, counted from 0.
fn line_start(text: &str, line: usize) -> Option<usize> {
    match line {
        0 => Some(0),
        line => text.match_indices('\n').nth(line - 1).map(|(at, _)| at + 1),
    }
}

/// The line from its start, without what ends it.
fn line(text: &str, start: usize) -> &str {
    text[start..].lines().next().unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;
    use guerdon_rules::diagnostic::Position as Place;

    const TEXT: &str = "// 学习 \u{1F600} x\r\nlet n = 1;\n";

    #[test]
    fn positions_count_utf_16_units() {
        for (byte, line, character) in
            [(0, 0, 0), (3, 0, 3), (6, 0, 4), (9, 0, 5), (10, 0, 6), (14, 0, 8), (15, 0, 9), (18, 1, 0), (22, 1, 4)]
        {
            let at = Position { line, character };
            assert_eq!((position_of(TEXT, byte), byte_of(TEXT, at)), (at, byte));
        }
    }

    #[test]
    fn places_outside_are_moved_inside() {
        let at = |line, character| byte_of(TEXT, Position { line, character });
        // Behind a line, behind the text, within a pair of surrogates.
        assert_eq!([at(0, 99), at(9, 0), at(0, 7), at(u32::MAX, u32::MAX)], [16, TEXT.len(), 14, TEXT.len()]);
        assert_eq!(
            [position_of(TEXT, 4), position_of(TEXT, 999)],
            [Position { line: 0, character: 3 }, Position { line: 2, character: 0 }]
        );
    }

    #[test]
    fn findings_are_underlined_where_they_stand() {
        let range = |line, column, length| {
            let Range { start, end } = range_of_finding(TEXT, Some(Place { line, column, length }));
            ((start.line, start.character), (end.line, end.character))
        };
        assert_eq!(range(1, 4, 2), ((0, 3), (0, 5)));
        assert_eq!(range(1, 7, 1), ((0, 6), (0, 8)));
        assert_eq!(range(2, 5, 99), ((1, 4), (1, 10)));
        assert_eq!(range(9, 1, 1), ((2, 0), (2, 0)));
        assert_eq!(range_of_finding(TEXT, None), Range::default());
    }
}
