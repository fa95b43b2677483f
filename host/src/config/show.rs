//! The configuration in force, as TOML with the origin of each value: `serve --print-config`.

use super::{Loaded, Secret};
use toml::{Table, Value};

/// A value a line, secrets masked; what comes from a file, the environment or a flag says so.
pub fn show(loaded: &Loaded) -> String {
    let mut text = String::new();
    let mut config = loaded.config.clone();
    // What is made of other values is in force too.
    config.database.url = Some(Secret::new(&config.database_url()));
    if config.codes.key.is_none() {
        config.codes.key_file = Some(config.code_key_file());
    }
    match Table::try_from(&config) {
        Ok(table) => write_table(loaded, "", &table, &mut text),
        // Every value has a TOML form; were one added that has none, this says so.
        Err(error) => text = format!("# cannot be shown: {error}\n"),
    }
    text
}

/// Plain values first: after a section's head they would belong to it.
fn write_table(loaded: &Loaded, prefix: &str, table: &Table, text: &mut String) {
    for (name, value) in table.iter().filter(|(_, value)| !value.is_table()) {
        text.push_str(&format!("{name} = {value}{}\n", origin(loaded, &format!("{prefix}{name}"))));
    }
    for (name, value) in table {
        let Value::Table(inner) = value else { continue };
        text.push_str(&format!("\n[{prefix}{name}]\n"));
        write_table(loaded, &format!("{prefix}{name}."), inner, text);
    }
}

fn origin(loaded: &Loaded, path: &str) -> String {
    let Some(metadata) = loaded.figment.find_metadata(path) else { return String::new() };
    match &metadata.source {
        Some(figment::Source::File(file)) => format!("  # {}", file.display()),
        _ if metadata.name.contains("environment") => "  # environment".into(),
        _ if metadata.name.contains("Flags") || metadata.name.contains("String") => "  # flag".into(),
        _ => String::new(),
    }
}
