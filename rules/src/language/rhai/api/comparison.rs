//! Comparison is strict: text against a number, or something missing against anything in order, is a mistake of
//! the rule and never quietly `false`. Whole numbers and decimals compare exactly.

use super::super::evaluation::{Outcome, fail};
use super::{Member, describe};
use rhai::{Array, Dynamic, Engine, Map, NativeCallContext, Variant};
use rust_decimal::Decimal;

const OPERATORS: [&str; 6] = ["==", "!=", "<", "<=", ">", ">="];
const ORDERS: [&str; 4] = ["<", "<=", ">", ">="];

pub fn register(engine: &mut Engine) {
    same_types(engine);
    mixed_types(engine);
    missing_is_unequal(engine);
    missing_in_order(engine);
    text_in_order(engine);
}

/// What rhai would do itself, but found at the first look, which is faster.
fn same_types(engine: &mut Engine) {
    macro_rules! exact {
        ($type:ty, $($operator:literal $function:expr),*) => { $( engine.register_fn($operator, $function as fn($type, $type) -> bool); )* };
    }
    exact!(
        i64,
        "==" | a,
        b | a == b,
        "!=" | a,
        b | a != b,
        "<" | a,
        b | a < b,
        "<=" | a,
        b | a <= b,
        ">" | a,
        b | a > b,
        ">=" | a,
        b | a >= b
    );
    exact!(
        Decimal,
        "==" | a,
        b | a == b,
        "!=" | a,
        b | a != b,
        "<" | a,
        b | a < b,
        "<=" | a,
        b | a <= b,
        ">" | a,
        b | a > b,
        ">=" | a,
        b | a >= b
    );
    exact!(bool, "==" | a, b | a == b, "!=" | a, b | a != b);
    engine.register_fn("==", |a: &str, b: &str| a == b);
    engine.register_fn("!=", |a: &str, b: &str| a != b);
}

fn mixed_types(engine: &mut Engine) {
    macro_rules! mixed {
        ($($left:ty, $right:ty;)*) => { $( mixed_pair::<$left, $right>(engine); )* };
    }
    type Text = rhai::ImmutableString;
    mixed! {
        Text, i64; Text, Decimal; Text, bool; Text, Member; Text, Array; Text, Map;
        i64, bool; i64, Member; i64, Array; i64, Map;
        Decimal, bool; Decimal, Member; Decimal, Array; Decimal, Map;
        bool, Member; bool, Array; bool, Map;
        Member, Array; Member, Map;
        Array, Map;
        char, i64; char, Decimal; char, bool; char, Member;
    }
}

/// Both ways round.
fn mixed_pair<A: Variant + Clone, B: Variant + Clone>(engine: &mut Engine) {
    for operator in OPERATORS {
        engine.register_fn(operator, |context: NativeCallContext, a: A, b: B| unlike(&context, &Dynamic::from(a), &Dynamic::from(b)));
        engine.register_fn(operator, |context: NativeCallContext, b: B, a: A| unlike(&context, &Dynamic::from(b), &Dynamic::from(a)));
    }
}

fn unlike(context: &NativeCallContext<'_>, left: &Dynamic, right: &Dynamic) -> Outcome<bool> {
    let member_and_text = left.is::<Member>() && right.is_string() || left.is_string() && right.is::<Member>();
    let help = if member_and_text { ": write x.id to compare ids" } else { "" };
    fail(context, format!("{} cannot be compared with {}{help}", describe(left), describe(right)))
}

/// Something missing equals nothing but itself. rhai says the same, after a longer search.
fn missing_is_unequal(engine: &mut Engine) {
    macro_rules! with_missing {
        ($($other:ty),*) => { $(
            engine.register_fn("==", |_: (), _: $other| false);
            engine.register_fn("==", |_: $other, _: ()| false);
            engine.register_fn("!=", |_: (), _: $other| true);
            engine.register_fn("!=", |_: $other, _: ()| true);
        )* };
    }
    with_missing!(i64, Decimal, rhai::ImmutableString, bool, Member);
    engine.register_fn("==", |_: (), _: ()| true);
    engine.register_fn("!=", |_: (), _: ()| false);
}

fn missing_in_order(engine: &mut Engine) {
    macro_rules! with_missing {
        ($($other:ty),*) => { $( for operator in ORDERS {
            engine.register_fn(operator, |context: NativeCallContext, _: (), other: $other| absent(&context, &Dynamic::from(other)));
            engine.register_fn(operator, |context: NativeCallContext, other: $other, _: ()| absent(&context, &Dynamic::from(other)));
        } )* };
    }
    with_missing!(i64, Decimal, rhai::ImmutableString, bool, Member);
    for operator in ORDERS {
        engine.register_fn(operator, |context: NativeCallContext, _: (), _: ()| absent(&context, &Dynamic::UNIT));
    }
}

fn absent(context: &NativeCallContext<'_>, other: &Dynamic) -> Outcome<bool> {
    fail(context, format!("something missing cannot be compared with {}: use missing(x) or x ?? 0", describe(other)))
}

/// "10" comes before "9" letter by letter, which is never what a rule means.
fn text_in_order(engine: &mut Engine) {
    for operator in ORDERS {
        engine.register_fn(operator, |context: NativeCallContext, a: &str, b: &str| -> Outcome<bool> {
            let help = "declare the field as \"int\", or use day(…) for dates";
            fail(&context, format!("\"{a}\" and \"{b}\" are texts, and text is ordered letter by letter (\"10\" before \"9\"): {help}"))
        });
    }
}
