//! Who may call the API: holders of a key, or, for trying things out, whoever is on this machine.
//! Keys are kept as SHA-256 only and compared in constant time. Must not know: HTTP.

use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use subtle::ConstantTimeEq;

/// Who may call.
#[derive(Clone)]
pub enum Access {
    /// Whoever presents one of these; nobody, when there is none.
    Keys(Vec<ApiKey>),
    /// Everybody, as long as the listener is on a loopback address.
    ThisMachine,
}

/// A bearer key, as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// For logs: `app`, `console`.
    pub name: String,
    hash: [u8; 32],
}

impl ApiKey {
    /// A key given in clear.
    pub fn from_clear(name: &str, key: &str) -> ApiKey {
        ApiKey { name: name.into(), hash: Sha256::digest(key.as_bytes()).into() }
    }

    /// A key given as its SHA-256 in hex, 64 digits. None when it is anything else.
    pub fn from_hash(name: &str, hex_digits: &str) -> Option<ApiKey> {
        let mut hash = [0; 32];
        hex::decode_to_slice(hex_digits.trim(), &mut hash).ok()?;
        Some(ApiKey { name: name.into(), hash })
    }
}

impl Access {
    /// The name of the key that was presented. Takes the same time whichever of them it is, or none.
    pub fn key_named(&self, presented: &str) -> Option<&str> {
        let Access::Keys(keys) = self else { return None };
        let hash: [u8; 32] = Sha256::digest(presented.as_bytes()).into();
        let mut found = None;
        for key in keys {
            if bool::from(key.hash.ct_eq(&hash)) {
                found = Some(key.name.as_str());
            }
        }
        found
    }

    /// Why a listener on this address would let strangers in; none when it would not.
    pub fn refuse_address(&self, address: SocketAddr) -> Option<String> {
        let stranger = matches!(self, Access::ThisMachine) && !address.ip().is_loopback();
        stranger.then(|| {
            format!("without keys only a loopback address may be listened on, not {address}: configure a key, or listen on 127.0.0.1")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_known_by_their_hash() {
        let clear = ApiKey::from_clear("app", "s3cret");
        let hashed = ApiKey::from_hash("app", "1ec1c26b50d5d3c58d9583181af8076655fe00756bf7285940ba3670f99fcba0");
        assert_eq!(hashed.as_ref().map(|k| k.hash), Some(clear.hash));
        assert!(ApiKey::from_hash("app", "12").is_none());
        let access = Access::Keys(vec![ApiKey::from_clear("other", "x"), clear]);
        assert_eq!([access.key_named("s3cret"), access.key_named("s3cre"), access.key_named("")], [Some("app"), None, None]);
    }

    #[test]
    fn without_keys_strangers_cannot_connect() {
        let refused = |access: &Access, address: &str| access.refuse_address(address.parse().unwrap()).is_some();
        assert!(refused(&Access::ThisMachine, "0.0.0.0:80") && refused(&Access::ThisMachine, "[::]:80"));
        assert!(!refused(&Access::ThisMachine, "127.0.0.1:80") && !refused(&Access::ThisMachine, "[::1]:80"));
        assert!(!refused(&Access::Keys(vec![]), "0.0.0.0:80"));
    }
}
