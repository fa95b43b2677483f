//! The vocabulary, which editors show, against what the engine knows: nothing is missing on either side.

use super::super::dictionary::Dictionary;
use super::super::engine;
use super::super::natives::natives;
use super::super::vocabulary::{ABSENT_WORDS, CYCLE_PROPERTIES, EVENT_PROPERTIES, HELPERS, MEMBER_PROPERTIES, METHODS};
use crate::limits::Limits;
use rhai::Engine;
use std::collections::BTreeSet;

/// Name and number of arguments of every function and property; operators, indexers and setters left out: nothing that
/// they could set may be changed.
fn registered(engine: &Engine) -> BTreeSet<(String, usize)> {
    let all = engine.collect_fn_metadata(None, |info| Some((info.metadata.name.to_string(), info.metadata.num_params)), true);
    let is_word = |name: &str| name.starts_with(|c: char| c.is_alphabetic()) && !name.starts_with("index$") && !name.starts_with("set$");
    all.into_iter().filter(|(name, _)| is_word(name)).collect()
}

#[test]
fn every_word_that_is_registered_is_documented_and_the_other_way_round() {
    let engine = engine::tightened(&Dictionary::empty(), &Limits::default());
    let mut bare = Engine::new_raw();
    engine::packages(&mut bare);
    let own: BTreeSet<_> = registered(&engine).difference(&registered(&bare)).cloned().collect();
    let properties = [EVENT_PROPERTIES, CYCLE_PROPERTIES, MEMBER_PROPERTIES].into_iter().flatten();
    let documented: BTreeSet<(String, usize)> = METHODS
        .iter()
        // The member comes first.
        .map(|method| (method.name.to_string(), method.slots.len() + 1))
        .chain(HELPERS.iter().map(|helper| (helper.name.to_string(), helper.arguments.len())))
        .chain(properties.map(|property| (format!("get${}", property.name), 1)))
        .collect();
    let known_to_rhai = registered(&bare);
    let only_documented: Vec<_> = documented.iter().filter(|word| !own.contains(word) && !known_to_rhai.contains(word)).collect();
    let only_registered: Vec<_> = own.difference(&documented).collect();
    assert!(only_documented.is_empty(), "no function of the engine: {only_documented:?}");
    assert!(only_registered.is_empty(), "not in the vocabulary: {only_registered:?}");
}

#[test]
fn rhais_own_functions_are_those_that_a_rule_can_call() {
    let engine = engine::tightened(&Dictionary::empty(), &Limits::default());
    let callable: BTreeSet<String> = registered(&engine).into_iter().map(|(name, _)| name).collect();
    for native in natives() {
        assert!(callable.contains(&native.name), "{native:?}");
        assert!(!native.shapes.is_empty() && !ABSENT_WORDS.iter().any(|(word, _)| *word == native.name), "{native:?}");
    }
    let trim = natives().iter().find(|native| native.name == "trim").unwrap();
    assert_eq!(trim.shapes.len(), 1);
    assert_eq!(trim.shapes[0].signature, "trim(string: String) -> ()");
    assert!(trim.shapes[0].about.starts_with("Remove whitespace"), "{trim:?}");
    let all = natives().iter().flat_map(|native| &native.shapes).map(|shape| shape.signature.as_str()).collect::<Vec<_>>().join("\n");
    assert!(!["i64", "&", "mut ", "Result<", "FnPtr", "Dynamic"].iter().any(|word| all.contains(word)), "{all}");
}

#[test]
fn everything_says_what_it_is_for_in_both_languages() {
    let properties = [EVENT_PROPERTIES, CYCLE_PROPERTIES, MEMBER_PROPERTIES].into_iter().flatten();
    let methods = METHODS.iter().map(|method| (method.name, method.about));
    let helpers = HELPERS.iter().map(|helper| (helper.name, helper.about));
    for (name, about) in methods.chain(helpers).chain(properties.map(|property| (property.name, property.about))) {
        assert!(about.en.ends_with('.') && about.zh.ends_with('。'), "{name}: {about:?}");
    }
}
