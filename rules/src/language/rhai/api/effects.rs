//! What a rule may ask for. Names are resolved and numbers are checked here, so that an effect that leaves a script
//! is one that the campaign declares.

use super::super::dictionary::Attribute;
use super::super::evaluation::{Outcome, ask, fail, refuse, with};
use super::facts::nobody;
use super::{Member, describe};
use crate::effect::Action;
use crate::value::{DataType, MemberId, Value};
use rhai::{Dynamic, Engine, NativeCallContext};
use rust_decimal::Decimal;

pub fn register(engine: &mut Engine) {
    engine.register_fn("award", |context: NativeCallContext, member: Member, account: &str, points: i64| {
        let points = not_negative(&context, "award", points, "points", ": use deduct")?;
        let account = known(&context, |d| d.find("account", &d.accounts, account))?;
        ask(&context, member.0, Action::Award { account, points })
    });
    engine.register_fn("deduct", |context: NativeCallContext, member: Member, account: &str, points: i64| {
        let points = not_negative(&context, "deduct", points, "points", ": use award")?;
        let account = known(&context, |d| d.find("account", &d.accounts, account))?;
        ask(&context, member.0, Action::Deduct { account, points })
    });
    engine.register_fn("grant", |context: NativeCallContext, member: Member, reward: &str| grant(&context, member, reward, 1));
    engine.register_fn("grant", |context: NativeCallContext, member: Member, reward: &str, count: i64| {
        grant(&context, member, reward, count)
    });
    engine.register_fn("set", set);
    engine.register_fn("note", |context: NativeCallContext, text: &str| ask(&context, 0, Action::Note(text.into())));
    engine.register_fn("refuse", |context: NativeCallContext, reason: &str| -> Outcome<()> { refuse(&context, reason) });
    wrong_types(engine);
}

fn known(
    context: &NativeCallContext<'_>,
    find: impl FnOnce(&super::super::dictionary::Dictionary) -> Result<usize, String>,
) -> Outcome<usize> {
    match with(context, |e| find(&e.dictionary))? {
        Ok(index) => Ok(index),
        Err(reason) => fail(context, reason),
    }
}

fn not_negative(context: &NativeCallContext<'_>, verb: &str, number: i64, unit: &str, help: &str) -> Outcome<i64> {
    if number < 0 { fail(context, format!("{verb} takes no negative {unit} (got {number}){help}")) } else { Ok(number) }
}

fn grant(context: &NativeCallContext<'_>, member: Member, reward: &str, count: i64) -> Outcome<()> {
    let count = not_negative(context, "grant", count, "count", "")?;
    let reward = known(context, |d| d.find("reward", &d.rewards, reward))?;
    ask(context, member.0, Action::Grant { reward, count })
}

fn set(context: NativeCallContext, member: Member, name: &str, value: Dynamic) -> Outcome<()> {
    let converted = with(&context, |e| {
        let (attribute, declared) = e.dictionary.attribute(name)?;
        let of_member = value.clone().try_cast::<Member>().and_then(|m| e.member(m.0).cloned());
        Ok::<_, String>((attribute, attribute_value(declared, &value, of_member)?))
    })?;
    match converted {
        Ok((attribute, value)) => ask(&context, member.0, Action::Set { attribute, value }),
        Err(reason) => fail(&context, reason),
    }
}

/// The value as the attribute's type wants it. `member` is the participant where the value is one.
fn attribute_value(attribute: &Attribute, value: &Dynamic, member: Option<MemberId>) -> Result<Value, String> {
    let converted = match &attribute.kind {
        _ if value.is_unit() && attribute.clearable => Some(Value::Missing),
        DataType::Int => value.as_int().ok().map(Value::Int),
        DataType::Bool => value.as_bool().ok().map(Value::Bool),
        DataType::Decimal => value.as_decimal().ok().or_else(|| value.as_int().ok().map(Decimal::from)).map(Value::Decimal),
        DataType::Text => text_of(value),
        DataType::Member(kind) => match member {
            Some(member) if member.kind != *kind => {
                return Err(format!("attribute \"{}\" holds a {kind}, {member} is a {}", attribute.name, member.kind));
            }
            Some(member) => Some(Value::Text(member.id)),
            None => text_of(value),
        },
    };
    converted.ok_or_else(|| format!("attribute \"{}\" is {}, set here to {}", attribute.name, attribute.kind, describe(value)))
}

fn text_of(value: &Dynamic) -> Option<Value> {
    value.as_immutable_string_ref().ok().map(|text| Value::Text(text.as_str().into()))
}

/// What a wrong type falls into, so that the text is ours and not "function not found".
fn wrong_types(engine: &mut Engine) {
    for verb in ["award", "deduct", "grant"] {
        engine.register_fn(verb, move |context: NativeCallContext, member: Dynamic, name: Dynamic, number: Dynamic| -> Outcome<()> {
            wrong_receiver_or_name(&context, verb, &member, &name)?;
            let help = if number.is_decimal() { format!(": write whole({number})") } else { String::new() };
            fail(&context, format!("{verb} takes a whole number, got {}{help}", describe(&number)))
        });
    }
    engine.register_fn("grant", |context: NativeCallContext, member: Dynamic, name: Dynamic| -> Outcome<()> {
        wrong_receiver_or_name(&context, "grant", &member, &name)
    });
    engine.register_fn("set", |context: NativeCallContext, member: Dynamic, name: Dynamic, _value: Dynamic| -> Outcome<()> {
        wrong_receiver_or_name(&context, "set", &member, &name)
    });
    for verb in ["note", "refuse"] {
        engine.register_fn(verb, move |context: NativeCallContext, text: Dynamic| -> Outcome<()> {
            let help = format!("write {verb}(`…${{x}}…`)");
            fail(&context, format!("{verb} takes a text, got {}: {help}", describe(&text)))
        });
    }
}

fn wrong_receiver_or_name(context: &NativeCallContext<'_>, verb: &str, member: &Dynamic, name: &Dynamic) -> Outcome<()> {
    if member.is_unit() {
        return fail(context, nobody(verb));
    }
    if !member.is::<Member>() {
        return fail(context, format!("`{verb}` is asked of a member, not of {}", describe(member)));
    }
    if name.is_string() {
        return Ok(());
    }
    fail(context, format!("`{verb}` takes a name as a text, got {}", describe(name)))
}
