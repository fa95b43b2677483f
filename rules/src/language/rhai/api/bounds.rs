//! Words of rhai's packages whose results rhai does not measure, replaced by ones that are bounded or absent: a map's
//! keys do not count as its size, and a stream of characters keeps a copy of its whole text.

use super::super::evaluation::{Outcome, fail};
use rhai::{Dynamic, Engine, ImmutableString, Map, NativeCallContext};
use std::ops::{Range, RangeInclusive};

/// Bytes of a map's key.
pub const LONGEST_KEY: usize = 64;

pub fn register(engine: &mut Engine) {
    engine.register_fn("set", |context: NativeCallContext, map: &mut Map, key: &str, value: Dynamic| -> Outcome<()> {
        if key.len() > LONGEST_KEY {
            return fail(&context, format!("a key of a map has at most {LONGEST_KEY} bytes, this one has {}", key.len()));
        }
        map.insert(key.into(), value);
        Ok(())
    });
    fn no_stream(context: &NativeCallContext<'_>) -> Outcome<Dynamic> {
        fail(context, "there is no `chars` in rules: write for c in text.to_chars()")
    }
    engine.register_get("chars", |context: NativeCallContext, _: &mut ImmutableString| no_stream(&context));
    engine.register_fn("chars", |context: NativeCallContext, _: &str| no_stream(&context));
    engine.register_fn("chars", |context: NativeCallContext, _: &str, _: i64| no_stream(&context));
    engine.register_fn("chars", |context: NativeCallContext, _: &str, _: i64, _: i64| no_stream(&context));
    engine.register_fn("chars", |context: NativeCallContext, _: &str, _: Range<i64>| no_stream(&context));
    engine.register_fn("chars", |context: NativeCallContext, _: &str, _: RangeInclusive<i64>| no_stream(&context));
}
