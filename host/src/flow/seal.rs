//! Codes at rest: sealed with XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03), found again by a keyed hash
//! (HMAC-SHA-256), so that one code cannot be imported twice and a stolen database shows none.

use super::error::{FlowError, Result};
use crate::store::SealedCode;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::path::Path;
use zeroize::Zeroizing;

const NONCE_BYTES: usize = 24;

struct Key {
    number: i32,
    /// Kept in the database, so that a host with another key is refused.
    proof: [u8; 32],
    cipher: XChaCha20Poly1305,
}

/// Seals and opens codes. Keys are numbered; the newest seals, every one opens.
pub struct Sealer {
    keys: Vec<Key>,
    /// Of the first key, for ever: the index must not change when keys do.
    index: Hmac<Sha256>,
}

impl Sealer {
    /// `text` holds one key a line, oldest first: 64 hex digits each. Empty lines and lines that begin with `#` do not count.
    pub fn from_text(text: &str) -> Result<Sealer> {
        let mut keys = Vec::new();
        let mut index = None;
        for line in text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')) {
            let wrong = || FlowError::Invalid("a code key is 64 hex digits, one a line: make one with `openssl rand -hex 32`".into());
            let bytes = Zeroizing::new(hex::decode(line).map_err(|_| wrong())?);
            if bytes.len() != 32 {
                return Err(wrong());
            }
            let derived = |purpose: &[u8]| -> Result<Zeroizing<[u8; 32]>> {
                let mut mac = mac_of(&bytes)?;
                mac.update(purpose);
                Ok(Zeroizing::new(mac.finalize().into_bytes().into()))
            };
            if index.is_none() {
                index = Some(mac_of(&*derived(b"guerdon code index")?)?);
            }
            let cipher = XChaCha20Poly1305::new_from_slice(&*derived(b"guerdon code seal")?).map_err(|_| wrong())?;
            keys.push(Key { number: keys.len() as i32 + 1, proof: *derived(b"guerdon code key proof")?, cipher });
        }
        let index = index.ok_or_else(|| FlowError::Invalid("there is no code key: give one of 64 hex digits".into()))?;
        Ok(Sealer { keys, index })
    }

    /// The keys of a file, which is made with a new key, readable by its owner only, if it is not there.
    pub fn from_file(path: &Path) -> Result<Sealer> {
        let told = |what: &str, e: &dyn std::fmt::Display| FlowError::Invalid(format!("the code key file {}: {what}: {e}", path.display()));
        if !path.exists() {
            let mut bytes = Zeroizing::new([0; 32]);
            getrandom::fill(&mut *bytes).map_err(|e| told("no random numbers", &e))?;
            write_private(path, &Zeroizing::new(hex::encode(*bytes))).map_err(|e| told("cannot be made", &e))?;
        }
        let text = Zeroizing::new(std::fs::read_to_string(path).map_err(|e| told("cannot be read", &e))?);
        Sealer::from_text(&text)
    }

    /// Of each key, by number: what tells that another host has the same one.
    pub fn proofs(&self) -> impl Iterator<Item = (i32, &[u8; 32])> {
        self.keys.iter().map(|key| (key.number, &key.proof))
    }

    /// The hash that is unique over all pools.
    fn hash(&self, code: &str) -> [u8; 32] {
        let mut mac = self.index.clone();
        mac.update(code.as_bytes());
        mac.finalize().into_bytes().into()
    }

    pub fn seal(&self, pool: &str, code: &str) -> Result<SealedCode> {
        let newest = self.keys.last().ok_or_else(|| FlowError::Internal("there is no code key".into()))?;
        let hash = self.hash(code);
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|e| FlowError::Internal(format!("no random numbers: {e}")))?;
        let bound = bound_to(pool, &hash);
        let cipher_text = newest.cipher.encrypt(&XNonce::from(nonce), Payload { msg: code.as_bytes(), aad: &bound });
        let mut sealed = nonce.to_vec();
        sealed.extend(cipher_text.map_err(|_| FlowError::Internal("a code could not be sealed".into()))?);
        Ok(SealedCode { hash, sealed, key: newest.number })
    }

    /// The code in clear. Fails when the row was moved to another pool, changed, or sealed by a key that is not here.
    pub fn open(&self, pool: &str, code: &SealedCode) -> Result<Zeroizing<String>> {
        let told = |why: &str| FlowError::Internal(format!("a code of pool \"{pool}\" cannot be opened: {why}"));
        let key = self.keys.iter().find(|k| k.number == code.key).ok_or_else(|| told("its key is not in the key file"))?;
        let (nonce, cipher_text) = code.sealed.split_at_checked(NONCE_BYTES).ok_or_else(|| told("it is cut off"))?;
        let nonce = XNonce::try_from(nonce).map_err(|_| told("it is cut off"))?;
        let bound = bound_to(pool, &code.hash);
        let clear = key
            .cipher
            .decrypt(&nonce, Payload { msg: cipher_text, aad: &bound })
            .map_err(|_| told("it was changed, or sealed by another key"))?;
        String::from_utf8(clear).map(Zeroizing::new).map_err(|_| told("it is no text"))
    }
}

fn mac_of(key: &[u8]) -> Result<Hmac<Sha256>> {
    <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key).map_err(|_| FlowError::Internal("a key of this length cannot be used".into()))
}

/// A sealed code belongs to its pool and to its own hash: it opens nowhere else.
fn bound_to(pool: &str, hash: &[u8; 32]) -> Vec<u8> {
    [pool.as_bytes(), &[0], hash].concat()
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(keys: &[u8]) -> Sealer {
        let lines: Vec<String> = keys.iter().map(|k| hex::encode([*k; 32])).collect();
        Sealer::from_text(&lines.join("\n")).unwrap()
    }

    #[test]
    fn a_code_opens_only_in_its_pool_and_with_its_key() {
        let one = sealer(&[1]);
        let sealed = one.seal("jd-20", "ABC-1").unwrap();
        assert_eq!(*one.open("jd-20", &sealed).unwrap(), "ABC-1");
        assert!(!sealed.sealed.windows(5).any(|w| w == b"ABC-1"));
        assert!(one.open("jd-100", &sealed).is_err());
        assert!(sealer(&[2]).open("jd-20", &sealed).is_err());
        let rotated = sealer(&[1, 2]);
        assert_eq!(*rotated.open("jd-20", &sealed).unwrap(), "ABC-1");
        assert_eq!((rotated.seal("jd-20", "ABC-1").unwrap().key, rotated.seal("jd-20", "ABC-1").unwrap().hash), (2, sealed.hash));
    }

    #[test]
    fn what_is_no_key_says_so() {
        for text in ["", "# only a comment", "abcd", "zz"] {
            assert!(Sealer::from_text(text).is_err(), "{text}");
        }
    }
}
