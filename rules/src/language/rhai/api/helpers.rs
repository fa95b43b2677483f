//! Functions that belong to nobody: `draw`, `day`, `whole`, `missing`, `min` and `max`.

use super::super::evaluation::{Outcome, fail, with};
use super::describe;
use jiff::civil::Date;
use rhai::{Dynamic, Engine, NativeCallContext};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

pub fn register(engine: &mut Engine) {
    engine.register_fn("draw", |context: NativeCallContext, n: i64| -> Outcome<i64> {
        if n < 1 {
            return fail(&context, format!("draw(n) needs n of 1 or more, got {n}"));
        }
        with(&context, |e| e.draw(n))
    });
    engine.register_fn("missing", |value: Dynamic| value.is_unit());
    engine.register_fn("whole", |number: i64| number);
    engine.register_fn("whole", |context: NativeCallContext, number: Decimal| -> Outcome<i64> {
        match number.floor().to_i64() {
            Some(whole) => Ok(whole),
            None => fail(&context, format!("whole({number}) is too large")),
        }
    });
    engine.register_fn("day", |context: NativeCallContext, text: &str| -> Outcome<i64> {
        match text.parse::<Date>() {
            Ok(date) => Ok(day_number(date)),
            Err(_) => fail(&context, format!("day(\"{text}\"): write it as \"2026-11-11\"")),
        }
    });
    engine.register_fn("min", |a: i64, b: i64| a.min(b));
    engine.register_fn("max", |a: i64, b: i64| a.max(b));
    wrong_types(engine);
}

/// Local days counted from 1970-01-01.
fn day_number(date: Date) -> i64 {
    // A span between two civil dates is a whole number of 86,400-second days.
    date.duration_since(Date::constant(1970, 1, 1)).as_secs() / 86_400
}

fn wrong_types(engine: &mut Engine) {
    for (word, wanted) in [("draw", "a whole number"), ("whole", "a number"), ("day", "a date as a text, \"2026-11-11\"")] {
        engine.register_fn(word, move |context: NativeCallContext, value: Dynamic| -> Outcome<i64> {
            fail(&context, format!("{word} takes {wanted}, got {}", describe(&value)))
        });
    }
    for word in ["min", "max"] {
        engine.register_fn(word, move |context: NativeCallContext, a: Dynamic, b: Dynamic| -> Outcome<i64> {
            fail(&context, format!("{word} takes two numbers, got {} and {}", describe(&a), describe(&b)))
        });
        engine.register_fn(word, move |context: NativeCallContext, a: &str, b: &str| -> Outcome<i64> {
            fail(&context, format!("{word} takes two numbers, got the texts \"{a}\" and \"{b}\""))
        });
    }
}
