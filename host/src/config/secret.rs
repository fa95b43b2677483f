//! A text that is never shown: not in logs, not when the configuration is printed.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// See the module. Wiped when it is dropped.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    pub fn new(text: &str) -> Secret {
        Secret(SecretString::from(text))
    }
    /// In clear, for whoever uses it.
    pub fn reveal(&self) -> &str {
        self.0.expose_secret()
    }
    /// What may be shown: of a URL, all but user and password; of anything else, nothing.
    fn masked(&self) -> String {
        let text = self.reveal();
        match text.split_once("://") {
            Some((scheme, rest)) => {
                // A query may carry a password too.
                let place = rest.split('?').next().unwrap_or("");
                let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
                format!("{scheme}://{place}")
            }
            None if text.starts_with("sqlite:") => text.into(),
            None => "(secret)".into(),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.masked())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Secret::new(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn what_may_be_shown() {
        for (secret, shown) in [
            ("postgres://me:pw@db:5432/guerdon?password=x", "postgres://db:5432/guerdon"),
            ("postgres://me:p@w@db/guerdon", "postgres://db/guerdon"),
            ("sqlite:data/guerdon.db", "sqlite:data/guerdon.db"),
            ("0123456789abcdef", "(secret)"),
        ] {
            assert_eq!(format!("{:?}", Secret::new(secret)), shown);
        }
    }
}
