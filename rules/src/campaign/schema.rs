//! The JSON Schema of campaign.toml.
