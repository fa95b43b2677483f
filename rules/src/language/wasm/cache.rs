//! Compiled code kept between runs of the host: compiling is a hundred times slower than reading it back.
//!
//! Promises: code is only ever read back under the hash of the very component and of the engine's settings, version
//! and processor features. Must not know: where the host keeps it.

use sha2::{Digest, Sha256};
use std::hash::{Hash, Hasher};
use wasmtime::component::Component;

/// Keeps compiled code by key, and is trusted like the program itself: what `get` returns is run as native code. So it
/// belongs in a folder that nobody but the operator's own user may write. Losing entries costs only time.
pub trait CodeCache: Send + Sync {
    /// The bytes last put under this key.
    fn get(&self, key: &str) -> Option<Vec<u8>>;
    /// Keys are file names of 64 lower-case hex digits. May forget at any time.
    fn put(&self, key: &str, code: &[u8]);
}

/// From the cache, else compiled and put there.
pub(super) fn compile(engine: &wasmtime::Engine, component: &[u8], cache: Option<&dyn CodeCache>) -> wasmtime::Result<Component> {
    let Some(cache) = cache else { return Component::from_binary(engine, component) };
    let key = key(engine, component);
    if let Some(compiled) = cache.get(&key).and_then(|code| trusted(engine, &code)) {
        return Ok(compiled);
    }
    let compiled = Component::from_binary(engine, component)?;
    cache.put(&key, &compiled.serialize()?);
    Ok(compiled)
}

/// None if another version wrote it.
#[allow(unsafe_code)]
fn trusted(engine: &wasmtime::Engine, code: &[u8]) -> Option<Component> {
    // SAFETY: deserialising runs whatever native code the bytes hold. `CodeCache` demands that only the operator's own
    // user can write them, who could as well replace this program; members and campaign authors cannot reach them.
    unsafe { Component::deserialize(engine, code) }.ok()
}

/// SHA-256 over the engine's compatibility hash and the component.
fn key(engine: &wasmtime::Engine, component: &[u8]) -> String {
    let mut settings = Sha256Hasher(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut settings);
    let mut hash = settings.0;
    hash.update(Sha256::digest(component));
    hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

/// The standard library's hashers promise nothing across versions; SHA-256 does.
struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
    fn finish(&self) -> u64 {
        0
    }
}
