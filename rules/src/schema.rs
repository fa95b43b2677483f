//! How JSON Schemas of campaign files are made, for editors: completion, descriptions, and a red line under a wrong key.
//!
//! The shapes stand beside the reader of each file ([`crate::campaign::schema`], [`crate::cases::schema`],
//! [`crate::simulate::population::schema`]) and exist only for it; the reader itself knows far more. Tests hold that both
//! know the same keys, and that `sdk/*.schema.json` is what is written here.

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema};
use serde_json::Value;

/// What a table's keys, or a text, are names of. Validators pass over it; completion offers what the campaign declares.
pub const NAMES: &str = "x-names";

/// The schema (draft-07) of a file.
pub fn of<T: JsonSchema>() -> Value {
    let mut schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<T>();
    RecursiveTransform(without_null).transform(&mut schema);
    schema.as_value().clone()
}

/// As indented JSON, ending in a line break.
pub fn text_of<T: JsonSchema>() -> String {
    format!("{:#}\n", of::<T>())
}

/// TOML has no null: what may be absent is absent.
fn without_null(schema: &mut Schema) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = &types[..] {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(any)) = schema.get_mut("anyOf") {
        any.retain(|choice| choice.get("type").is_none_or(|name| name != "null"));
        if any.len() == 1 {
            // Beside a `$ref`, draft-07 ignores a description; `allOf` keeps both.
            let all = schema.remove("anyOf").unwrap_or_default();
            schema.insert("allOf".to_owned(), all);
        }
    }
}
