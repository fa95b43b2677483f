//! Modules in the text format: descriptions and decisions laid out as the canonical ABI has them in memory.

/// Where descriptions lie; the text literals of a test's own may start at [`OWN`].
const DESCRIPTION: u32 = 1024;
pub const OWN: u32 = 16_384;
/// Where questions are put: each allocation after the other, in a module that answers once.
const HEAP: u32 = 32_768;

/// What a module says about itself.
#[derive(Clone, Default)]
pub struct Said<'a> {
    pub event: Option<&'a str>,
    pub roles: &'a [&'a str],
    pub reads: &'a [(&'a str, &'a str)],
    pub writes: &'a [(&'a str, &'a str)],
}

/// One that the campaign of the tests takes without a word but for the event that it does not answer.
pub const HONEST: Said<'static> = Said {
    event: Some("lesson.finished"),
    roles: &[],
    reads: &[],
    writes: &[("award", "learning"), ("grant", "jd-20"), ("set", "streak")],
};

/// A core module whose `decide` is this body, in a 1.0 interface.
pub fn module(said: &[Said<'_>], decide: &str) -> Vec<u8> {
    assemble(&text(said, "1.0.0", decide, ""))
}

/// The same with definitions of its own.
pub fn module_with(said: &[Said<'_>], decide: &str, more: &str) -> Vec<u8> {
    assemble(&text(said, "1.0.0", decide, more))
}

pub fn assemble(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

pub fn text(said: &[Said<'_>], version: &str, decide: &str, more: &str) -> String {
    let (root, data) = Layout::description(said);
    let data: String = data.iter().map(|byte| format!("\\{byte:02x}")).collect();
    format!(
        r#"(module
            (memory (export "memory") 2)
            (global $heap (mut i32) (i32.const {HEAP}))
            (data (i32.const {DESCRIPTION}) "{data}")
            (func (export "cabi_realloc") (param $old i32) (param i32) (param $align i32) (param $size i32) (result i32)
                (local $at i32)
                (local.set $at (i32.and
                    (i32.add (global.get $heap) (i32.sub (local.get $align) (i32.const 1)))
                    (i32.sub (i32.const 0) (local.get $align))))
                (global.set $heap (i32.add (local.get $at) (local.get $size)))
                (local.get $at))
            (func (export "guerdon:campaign/rules@{version}#describe") (result i32) (i32.const {root}))
            (func (export "guerdon:campaign/rules@{version}#decide") (param $question i32) (result i32) {decide})
            {more})"#
    )
}

/// The body that answers with the bytes at [`OWN`], put there by [`stored`].
pub fn answers() -> String {
    format!("(i32.const {OWN})")
}

/// A data segment at an address.
pub fn stored(at: u32, bytes: &[u8]) -> String {
    let data: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
    format!("(data (i32.const {at}) \"{data}\")")
}

/// Little-endian words.
pub fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// Bytes as they will lie from [`DESCRIPTION`] on.
struct Layout(Vec<u8>);

impl Layout {
    /// The address of the description, and the bytes.
    fn description(said: &[Said<'_>]) -> (u32, Vec<u8>) {
        let mut layout = Layout(Vec::new());
        let mut handlers = Vec::new();
        for handler in said {
            handlers.extend(match handler.event {
                None => vec![0, 0, 0],
                Some(event) => [vec![1], layout.text(event)].concat(),
            });
            let roles = handler.roles.iter().flat_map(|role| layout.text(role)).collect::<Vec<_>>();
            handlers.extend(layout.list(&roles, handler.roles.len()));
            for pairs in [handler.reads, handler.writes] {
                let both = pairs.iter().flat_map(|(a, b)| [layout.text(a), layout.text(b)].concat()).collect::<Vec<_>>();
                handlers.extend(layout.list(&both, pairs.len()));
            }
        }
        let handlers = layout.list(&handlers, said.len());
        let file = layout.text("rules.wat");
        let files = layout.list(&file, 1);
        let root = layout.words(&[handlers, files].concat());
        (root, layout.0)
    }

    /// Pointer and length of a text.
    fn text(&mut self, text: &str) -> Vec<u32> {
        let at = self.here();
        self.0.extend(text.as_bytes());
        vec![at, text.len() as u32]
    }
    /// Pointer and length of a list of items that are words.
    fn list(&mut self, items: &[u32], length: usize) -> Vec<u32> {
        vec![self.words(items), length as u32]
    }
    fn words(&mut self, items: &[u32]) -> u32 {
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        let at = self.here();
        self.0.extend(words(items));
        at
    }
    fn here(&self) -> u32 {
        DESCRIPTION + self.0.len() as u32
    }
}
