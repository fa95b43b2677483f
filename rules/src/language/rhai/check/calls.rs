//! Facts and effects: their arguments against what campaign.toml declares.

use super::super::vocabulary::{METHODS, Slot};
use super::{Call, Findings, Function, Uses, field_of, names};
use crate::campaign::Campaign;
use crate::diagnostic::suggestion;
use crate::fact::{Fact, Period};
use crate::language::Write;
use crate::value::DataType;
use rhai::{Expr, Position};

/// A call of the API whose shape is right, with the names that it gives.
pub struct Named {
    pub is_fact: bool,
    /// By argument: the name, where it is written in the file and declared.
    pub names: Vec<Option<String>>,
}

/// None where it is no call of the API, or one whose shape is wrong.
pub fn check(campaign: &Campaign, function: &Function<'_>, call: &Call<'_>, findings: &mut Findings) -> Option<Named> {
    if !names::is_method(call.name) || !call.expression.namespace.is_empty() {
        return None;
    }
    // `get` and `set` are also words of lists, which take a number.
    let arguments = call.arguments();
    if matches!(call.name, "get" | "set") && matches!(arguments.first(), Some(Expr::IntegerConstant(..))) {
        return None;
    }
    let shapes: Vec<_> = METHODS.iter().filter(|method| method.name == call.name).collect();
    let Some(method) = shapes.iter().find(|method| method.slots.len() == arguments.len()) else {
        let takes: Vec<String> = shapes.iter().map(|m| m.slots.iter().map(|s| s.word()).collect::<Vec<_>>().join(", ")).collect();
        let help = if shapes.iter().any(|m| m.slots.contains(&Slot::Period)) {
            format!("say the period: one of {}", Period::NAMES.join(", "))
        } else {
            String::new()
        };
        findings.error(function.script, call.at, format!("`{}` takes ({})", call.name, takes.join(") or (")), help);
        return None;
    };
    let mut named = Named { is_fact: method.is_fact, names: Vec::new() };
    for (slot, argument) in method.slots.iter().zip(arguments) {
        let name = match slot {
            Slot::Whole => {
                number(function, call.name, argument, findings);
                None
            }
            Slot::Value => {
                value(campaign, function, named.names.first(), argument, findings);
                None
            }
            _ => name(campaign, function, call, *slot, method.is_fact, argument, findings),
        };
        named.names.push(name);
    }
    Some(named)
}

/// A name that the file writes down: a text, or a const at its top.
fn written(function: &Function<'_>, argument: &Expr) -> Option<(String, Position)> {
    match argument {
        Expr::StringConstant(text, at) => Some((text.to_string(), *at)),
        Expr::Variable(variable, _, at) => Some((function.script.constants.get_value::<String>(&variable.1)?, *at)),
        _ => None,
    }
}

fn name(
    campaign: &Campaign,
    function: &Function<'_>,
    call: &Call<'_>,
    slot: Slot,
    is_fact: bool,
    argument: &Expr,
    findings: &mut Findings,
) -> Option<String> {
    let word = slot.word();
    let Some((text, at)) = written(function, argument) else {
        if is_fact {
            let message = format!("`{}` must name its {word} as a text or a const of this file", call.name);
            findings.error(function.script, argument.start_position(), message, "the host fetches these facts before the rule runs");
        }
        return None;
    };
    let declared: Vec<&str> = match slot {
        Slot::Account => campaign.accounts.iter().map(|a| &*a.name).collect(),
        Slot::Reward => campaign.rewards.iter().map(|r| &*r.name).collect(),
        Slot::Event => campaign.events.iter().map(|e| &*e.name).collect(),
        Slot::Attribute => campaign.attributes.iter().map(|a| &*a.name).collect(),
        _ => Period::NAMES.to_vec(),
    };
    if declared.contains(&text.as_str()) {
        return Some(text);
    }
    let help = if declared.is_empty() { format!("campaign.toml declares no {word}") } else { suggestion(&text, declared.iter().copied()) };
    findings.error(function.script, at, format!("there is no {word} \"{text}\""), help);
    None
}

fn number(function: &Function<'_>, verb: &str, argument: &Expr, findings: &mut Findings) {
    let at = argument.start_position();
    let wrong = |got: String, help: String, findings: &mut Findings| {
        findings.error(function.script, at, format!("`{verb}` takes a whole number, got {got}"), help);
    };
    match argument {
        Expr::DynamicConstant(value, _) if value.is_decimal() => wrong(value.to_string(), format!("write whole({value})"), findings),
        Expr::StringConstant(text, _) => wrong(format!("the text \"{text}\""), "write it without quotes".into(), findings),
        Expr::BoolConstant(value, _) => wrong(value.to_string(), String::new(), findings),
        Expr::IntegerConstant(n, _) if *n < 0 => {
            let help = match verb {
                "award" => "use deduct",
                "deduct" => "use award",
                _ => "",
            };
            findings.error(function.script, at, format!("`{verb}` takes no negative number (got {n})"), help);
        }
        _ => field_as_number(function, verb, argument, findings),
    }
}

fn field_as_number(function: &Function<'_>, verb: &str, argument: &Expr, findings: &mut Findings) {
    let Some((field, at)) = field_of(function, argument) else { return };
    let variable = function.subjects.first().map_or("event", |subject| subject.variable);
    let path = format!("{variable}.data.{}", field.name);
    match field.kind {
        DataType::Int if !field.optional => {}
        DataType::Int => {
            findings.error(function.script, at, format!("`{}` may be missing", field.name), format!("write {path} ?? 0"));
        }
        DataType::Decimal => {
            let message = format!("`{verb}` takes a whole number, and `{}` is a decimal", field.name);
            findings.error(function.script, at, message, format!("write whole({path})"));
        }
        _ => {
            let message = format!("`{verb}` takes a whole number, and `{}` is {}", field.name, field.kind);
            findings.error(function.script, at, message, format!("declare {} = \"int\" in campaign.toml if it is a number", field.name));
        }
    }
}

/// The value of `set` against the attribute's type.
fn value(campaign: &Campaign, function: &Function<'_>, attribute: Option<&Option<String>>, argument: &Expr, findings: &mut Findings) {
    let Some(attribute) = attribute.and_then(Option::as_deref).and_then(|name| campaign.attribute(name)) else { return };
    let attribute = &campaign.attributes[attribute];
    let (set_to, fits) = match argument {
        Expr::StringConstant(..) => ("string", matches!(attribute.kind, DataType::Text | DataType::Member(_))),
        Expr::IntegerConstant(..) => ("int", matches!(attribute.kind, DataType::Int | DataType::Decimal)),
        Expr::BoolConstant(..) => ("bool", attribute.kind == DataType::Bool),
        Expr::DynamicConstant(value, _) if value.is_decimal() => ("decimal", attribute.kind == DataType::Decimal),
        _ => return,
    };
    if !fits {
        let message = format!("attribute \"{}\" is {}, set here to {set_to}", attribute.name, attribute.kind);
        findings.error(function.script, argument.start_position(), message, "");
    }
}

/// Notes the fact or effect in what the function does.
pub fn gather(campaign: &Campaign, call: &Call<'_>, named: &Named, is_rule_file: bool, uses: &mut Uses) {
    let name = |n: usize| named.names.get(n).and_then(Option::as_deref);
    if named.is_fact {
        uses.facts.extend(fact(campaign, call.name, name(0), name(1)).map(|fact| (fact, call.at)));
        return;
    }
    let effect = METHODS.iter().find(|method| method.name == call.name).map_or("", |method| method.name);
    // A line of an imported file would be read as one of the rule file.
    let line = call.at.line().filter(|_| is_rule_file).and_then(|line| u32::try_from(line).ok());
    uses.writes.push(Write { effect, name: name(0).map(Into::into), line });
}

fn fact(campaign: &Campaign, verb: &str, first: Option<&str>, second: Option<&str>) -> Option<Fact> {
    let period = |word: Option<&str>| word.and_then(|word| word.parse::<Period>().ok());
    Some(match verb {
        "points" => Fact::Points { account: campaign.account(first?)?, period: period(second)? },
        "granted" => Fact::Granted { reward: campaign.reward(first?)?, period: period(second)? },
        "events" => Fact::Events { event: campaign.event(first?)?, period: period(second)? },
        "referrals" => Fact::Referrals { period: period(first)? },
        "rank" => Fact::Rank { account: campaign.account(first?)? },
        _ => Fact::Attribute { attribute: campaign.attribute(first?)? },
    })
}
