//! Turns the bytes of a rule file into a component that may be compiled: wraps a core module, refuses imports by
//! name, and finds the version of the contract that it was built against.
//!
//! Promises: never compiles or runs anything. Must not know: campaigns.

use std::borrow::Cow;
use wasmparser::{ComponentExternalKind, Encoding, Parser, Payload, Validator};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The contract, as shipped to authors.
pub const WIT: &str = include_str!("../../../../sdk/wit/campaign.wit");

/// The largest rule file, in bytes: a Python component has 18 MB.
const LARGEST_BYTES: usize = 32 << 20;

const PREFIX: &str = "guerdon:campaign/rules@";

/// What is wrong with the bytes, and what to do.
pub type Refusal = (String, String);

/// The component in the bytes, or around them.
pub fn open(bytes: &[u8]) -> Result<Cow<'_, [u8]>, Refusal> {
    if bytes.len() > LARGEST_BYTES {
        let message = format!("the module has {} bytes, the most is {LARGEST_BYTES}", bytes.len());
        return Err((message, "build it for release, with `opt-level`, `lto` and `strip`".into()));
    }
    Validator::new().validate_all(bytes).map_err(malformed)?;
    let outline = Outline::read(bytes)?;
    outline.refuse_imports()?;
    if outline.is_component {
        outline.check_exports()?;
        return Ok(Cow::Borrowed(bytes));
    }
    if !outline.names_its_world {
        outline.check_exports()?;
    }
    let component = wrap(bytes, &outline)?;
    let outline = Outline::read(&component)?;
    outline.refuse_imports()?;
    outline.check_exports()?;
    Ok(Cow::Owned(component))
}

fn malformed(error: wasmparser::BinaryReaderError) -> Refusal {
    // Some of the parser's messages end in a dump over several lines.
    let reason = error.message().split(": ").next().unwrap_or_default().lines().next().unwrap_or_default();
    let message = format!("this is no wasm module: {reason} at byte {}", error.offset());
    (message, "upload the .wasm file that the compiler wrote, unchanged".into())
}

/// The outermost imports and exports.
struct Outline {
    is_component: bool,
    imports: Vec<String>,
    exports: Vec<String>,
    /// A core module that says which world it was built against.
    names_its_world: bool,
}

impl Outline {
    fn read(bytes: &[u8]) -> Result<Outline, Refusal> {
        let mut outline = Outline { is_component: false, imports: Vec::new(), exports: Vec::new(), names_its_world: false };
        let mut depth = 0_u32;
        for payload in Parser::new(0).parse_all(bytes) {
            match payload.map_err(malformed)? {
                Payload::Version { encoding, .. } => {
                    depth += 1;
                    if depth == 1 {
                        outline.is_component = encoding == Encoding::Component;
                    }
                }
                Payload::End(_) => depth -= 1,
                inner if depth == 1 => outline.take(inner).map_err(malformed)?,
                _ => {}
            }
        }
        Ok(outline)
    }

    fn take(&mut self, payload: Payload<'_>) -> Result<(), wasmparser::BinaryReaderError> {
        match payload {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    self.imports.push(format!("{}#{}", import.module, import.name));
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section {
                    self.imports.push(import?.name.name.to_string());
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    let export = export?;
                    if export.kind == ComponentExternalKind::Instance {
                        self.exports.push(export.name.name.to_string());
                    }
                }
            }
            Payload::ExportSection(section) => {
                // `INTERFACE#decide` by the interface; what else a core module exports is its own business.
                for export in section {
                    if let Some((interface, _)) = export?.name.split_once('#') {
                        self.exports.push(interface.to_string());
                    }
                }
            }
            Payload::CustomSection(section) => self.names_its_world |= section.name().starts_with("component-type"),
            _ => {}
        }
        Ok(())
    }

    fn refuse_imports(&self) -> Result<(), Refusal> {
        let Some(first) = self.imports.first() else { return Ok(()) };
        let more = match self.imports.len() {
            1 => String::new(),
            n => format!(" and {} more", n - 1),
        };
        let message = format!("the module imports `{first}`{more}; rules import nothing: no clock, no files, no randomness, no printing");
        let help = if first.starts_with("wasi") {
            "build for wasm32-unknown-unknown; with JavaScript or Python pass --stub-wasi"
        } else {
            "ask for what it needs in `reads` of its description"
        };
        Err((message, help.into()))
    }

    fn check_exports(&self) -> Result<(), Refusal> {
        let versions: Vec<&str> = self.exports.iter().filter_map(|name| name.strip_prefix(PREFIX)).collect();
        if versions.iter().any(|version| version.starts_with("1.")) {
            return Ok(());
        }
        let help = "build it against sdk/wit/campaign.wit, or with guerdon-sdk".to_string();
        Err(match versions.first() {
            Some(version) => (format!("the module was built for `{PREFIX}{version}`; this host serves 1.x"), help),
            None if self.exports.is_empty() => (format!("the module exports nothing; it should export `{PREFIX}1.0.0`"), help),
            None => (format!("the module exports `{}`, but not `{PREFIX}1.0.0`", self.exports.join("`, `")), help),
        })
    }
}

/// A component around a core module, so that authors need no tool but their compiler. A module that names no world
/// (written by hand, or in C without generated bindings) is taken to be built for ours.
fn wrap(bytes: &[u8], outline: &Outline) -> Result<Vec<u8>, Refusal> {
    let mut module = bytes.to_vec();
    if !outline.names_its_world {
        name_world(&mut module)?;
    }
    let encoded = ComponentEncoder::default().module(&module).and_then(|encoder| encoder.validate(true).encode());
    encoded.map_err(|error| {
        let message = format!("the core module does not fit the contract: {error:#}");
        (message, "build it against sdk/wit/campaign.wit, or with guerdon-sdk".into())
    })
}

fn name_world(module: &mut Vec<u8>) -> Result<(), Refusal> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("campaign.wit", WIT).map_err(ours)?;
    let world = resolve.select_world(&[package], Some("campaign")).map_err(ours)?;
    embed_component_metadata(module, &resolve, world, StringEncoding::UTF8).map_err(ours)
}

/// Cannot happen while the tests pass: they read the same text.
fn ours(error: impl std::fmt::Display) -> Refusal {
    (format!("the contract of this host cannot be read: {error:#}"), String::new())
}
