//! What could stand at a place of a rule file: the rule API where it fits, what the campaign declares inside of texts, the
//! file's own names.

use super::Folder;
use super::item::{Item, Kind, Place, both};
use super::names;
use super::scene::{Occasion, Scene, Thing};
use crate::campaign::CLOSE_FUNCTION;
use crate::language::cursor::{self, At, Piece};
use crate::language::natives::{Native, natives};
use crate::language::vocabulary::{
    CYCLE_PROPERTIES, EVENT_PROPERTIES, HELPERS, Helper, MEMBER_PROPERTIES, METHODS, Method, Property, Slot, WEEKDAYS,
};

/// All that fits, and where the word begins that it takes the place of; none where nothing is to be said.
pub fn candidates(folder: &Folder, path: &str, script: &str, place: usize) -> (Vec<Item>, Option<usize>) {
    let cursor = cursor::look(script, place);
    let scene = Scene::new(folder.campaign.as_ref(), &cursor.before);
    match cursor.at {
        At::Nothing => (Vec::new(), None),
        At::Text { from } => (in_text(folder, path, &scene), Some(from)),
        At::Word { from } => (in_code(folder, path, script, &scene), Some(from)),
    }
}

fn in_text(folder: &Folder, path: &str, scene: &Scene<'_>) -> Vec<Item> {
    let pieces = scene.pieces;
    let before: Vec<&Piece> = pieces.iter().rev().skip(1).take(2).collect();
    if before.first().is_some_and(|piece| piece.is_sign("import")) {
        return scripts(folder, path);
    }
    if let [Piece::Sign(sign), Piece::Name(name)] = before[..]
        && matches!(sign.as_str(), "==" | "!=")
        && name == "weekday"
    {
        return WEEKDAYS.iter().map(|day| Item::new(Kind::Value, *day, "", "")).collect();
    }
    let Some((name, is_method, nth)) = scene.call() else { return Vec::new() };
    // `award(member, "x")` is `member.award("x")`.
    let Some(nth) = nth.checked_sub(usize::from(!is_method)) else { return Vec::new() };
    let slots: Vec<Slot> =
        METHODS.iter().filter(|method| method.name == name).filter_map(|method| method.slots.get(nth).copied()).collect();
    slots.first().map_or(Vec::new(), |slot| of_slot(*slot, scene))
}

fn of_slot(slot: Slot, scene: &Scene<'_>) -> Vec<Item> {
    let Some(campaign) = scene.campaign else {
        return if slot == Slot::Period { names::periods(false) } else { Vec::new() };
    };
    match slot {
        Slot::Account => names::accounts(campaign),
        Slot::Reward => names::rewards(campaign),
        Slot::Event => names::events(campaign),
        Slot::Attribute => names::attributes(campaign),
        Slot::Period => names::periods(scene.occasion() == Occasion::Close),
        Slot::Whole | Slot::Value => Vec::new(),
    }
}

/// Rule files that one can import, as `import` names them.
fn scripts(folder: &Folder, path: &str) -> Vec<Item> {
    let files = folder.files.keys().filter(|file| *file != path).filter_map(|file| file.strip_suffix(".rhai"));
    files.map(|file| Item::new(Kind::File, file, format!("{file}.rhai"), "")).collect()
}

fn in_code(folder: &Folder, path: &str, script: &str, scene: &Scene<'_>) -> Vec<Item> {
    if let Some(thing) = scene.before_dot() {
        return after_dot(thing, scene);
    }
    let own = cursor::all(script);
    match scene.pieces.last() {
        Some(piece) if piece.is_sign("fn") => return entry_functions(scene, &[]),
        Some(piece) if piece.is_sign("::") => return imported(folder, scene, &own),
        Some(piece) if ["let", "const", "as", "for"].iter().any(|word| piece.is_sign(word)) => return Vec::new(),
        _ => {}
    }
    if scene.function.is_none() {
        let mut items: Vec<Item> =
            entry_functions(scene, &own).into_iter().map(|item| Item { label: format!("fn {}", item.label), ..item }).collect();
        items.extend(keywords(&["fn", "const", "import"]));
        return items;
    }
    let mut items: Vec<Item> = HELPERS.iter().map(helper).collect();
    let arguments = scene.function.iter().flat_map(|function| function.arguments.iter().map(String::as_str));
    let mut variables: Vec<&str> = arguments.chain(scene.variables()).collect();
    variables.sort_unstable();
    variables.dedup();
    items.extend(variables.into_iter().map(|name| Item::new(Kind::Variable, name, "", "")));
    items.extend(own_names(path, &own));
    items.extend(keywords(&["let", "const", "if", "else", "for", "in", "return", "switch", "true", "false"]));
    items.extend(natives_as(Kind::Function));
    items
}

fn after_dot(thing: Thing, scene: &Scene<'_>) -> Vec<Item> {
    match thing {
        Thing::Event(_) => EVENT_PROPERTIES.iter().map(|p| property("event", p)).collect(),
        Thing::Cycle => CYCLE_PROPERTIES.iter().map(|p| property("cycle", p)).collect(),
        Thing::Member => of_member(scene),
        Thing::Data(occasion) => distinct(scene.events(occasion).iter().flat_map(names::fields).collect()),
        Thing::Roles(occasion) => distinct(scene.roles(occasion).into_iter().flat_map(names::roles).collect()),
        Thing::Plain => natives_as(Kind::Method),
        Thing::Unknown => of_member(scene).into_iter().chain(natives_as(Kind::Method)).collect(),
    }
}

fn of_member(scene: &Scene<'_>) -> Vec<Item> {
    let at_close = !matches!(scene.occasion(), Occasion::Event(_));
    let mut names: Vec<&str> = METHODS.iter().map(|method| method.name).filter(|name| at_close || *name != "rank").collect();
    names.dedup();
    let methods = names.into_iter().map(|name| method(&METHODS.iter().filter(|m| m.name == name).collect::<Vec<_>>()));
    methods.chain(MEMBER_PROPERTIES.iter().map(|p| property("member", p))).collect()
}

fn property(of: &str, property: &Property) -> Item {
    Item::new(Kind::Property, property.name, format!("{of}.{}: {}", property.name, property.kind), both(property.about))
}

/// All shapes of a method as one item.
fn method(shapes: &[&Method]) -> Item {
    let signatures: Vec<String> = shapes.iter().map(|shape| signature(shape)).collect();
    let about: Vec<String> = shapes.iter().map(|shape| both(shape.about)).collect();
    let Some(first) = shapes.first() else { return Item::new(Kind::Method, "", "", "") };
    let written: Vec<String> = first.slots.iter().enumerate().map(|(n, slot)| hole(n + 1, is_text(*slot))).collect();
    let item = Item::new(Kind::Method, first.name, signatures.join("\n"), about.join("\n\n"));
    item.with_snippet(format!("{}({})", first.name, written.join(", ")))
}

/// `member.award(account, whole number)`
fn signature(method: &Method) -> String {
    let slots: Vec<&str> = method.slots.iter().map(|slot| slot.word()).collect();
    let gives = if method.is_fact { format!(" -> {}", method.gives) } else { String::new() };
    format!("member.{}({}){gives}", method.name, slots.join(", "))
}

fn is_text(slot: Slot) -> bool {
    !matches!(slot, Slot::Whole | Slot::Value)
}

fn hole(number: usize, is_text: bool) -> String {
    if is_text { format!("\"${number}\"") } else { format!("${number}") }
}

fn helper(helper: &Helper) -> Item {
    let arguments: Vec<String> = helper.arguments.iter().map(|(name, kind)| format!("{name}: {kind}")).collect();
    let written: Vec<String> = helper.arguments.iter().enumerate().map(|(n, (_, kind))| hole(n + 1, *kind == "String")).collect();
    let detail = format!("{}({}) -> {}", helper.name, arguments.join(", "), helper.gives);
    let item = Item::new(Kind::Function, helper.name, detail, both(helper.about));
    item.with_snippet(format!("{}({})", helper.name, written.join(", ")))
}

fn natives_as(kind: Kind) -> Vec<Item> {
    let one = |native: &Native| {
        let signatures: Vec<&str> = native.shapes.iter().map(|shape| shape.signature.as_str()).collect();
        let about = native.shapes.iter().map(|shape| shape.about.as_str()).find(|about| !about.is_empty()).unwrap_or_default();
        Item::new(kind, native.name.as_str(), signatures.join("\n"), about).placed(Place::Last)
    };
    natives().iter().map(one).collect()
}

fn keywords(words: &[&str]) -> Vec<Item> {
    words.iter().map(|word| Item::new(Kind::Keyword, *word, "", "").placed(Place::Then)).collect()
}

/// Functions that the campaign's events ask for, those left out that the script has already.
fn entry_functions(scene: &Scene<'_>, script: &[Piece]) -> Vec<Item> {
    let Some(campaign) = scene.campaign else { return Vec::new() };
    let mut items = Vec::new();
    for event in &campaign.events {
        let detail = format!("fn {}(event)", event.function);
        let snippet = format!("fn {}(event) {{\n    $1\n}}", event.function);
        items.push(Item::new(Kind::Function, &*event.function, detail, names::event_about(event)).with_snippet(snippet));
    }
    if campaign.calendar.has_cycles() {
        let about = "Runs for every member with points in the cycle that closes.\n\n对结算周期内有积分的每个成员运行。";
        let snippet = format!("fn {CLOSE_FUNCTION}(member, cycle) {{\n    $1\n}}");
        items.push(Item::new(Kind::Function, CLOSE_FUNCTION, format!("fn {CLOSE_FUNCTION}(member, cycle)"), about).with_snippet(snippet));
    }
    let defined: Vec<&str> = functions(script).into_iter().map(|(name, _)| name).collect();
    items.retain(|item| !defined.contains(&item.label.as_str()));
    // After `fn` only the rest of the snippet is written.
    if scene.pieces.last().is_some_and(|piece| piece.is_sign("fn")) {
        for item in &mut items {
            item.snippet = item.snippet.take().map(|snippet| snippet.trim_start_matches("fn ").to_string());
        }
    }
    items
}

/// Name and arguments of every function of a script.
fn functions(script: &[Piece]) -> Vec<(&str, Vec<&str>)> {
    let one = |at: usize| {
        let name = script.get(at + 1)?.name()?;
        let rest = script.get(at + 2..)?;
        let end = rest.iter().position(|piece| piece.is_sign(")"))?;
        Some((name, rest[..end].iter().filter_map(Piece::name).collect()))
    };
    let starts = (0..script.len()).filter(|at| script[*at].is_sign("fn"));
    starts.filter_map(one).collect()
}

fn function_items(file: &str, script: &[Piece]) -> Vec<Item> {
    let one = |(name, arguments): (&str, Vec<&str>)| {
        let written: Vec<String> = (1..=arguments.len()).map(|n| hole(n, false)).collect();
        let detail = format!("{name}({})", arguments.join(", "));
        Item::new(Kind::Function, name, detail, format!("Of `{file}`.")).with_snippet(format!("{name}({})", written.join(", ")))
    };
    functions(script).into_iter().map(one).collect()
}

/// Constants, imports and functions of the file.
fn own_names(file: &str, script: &[Piece]) -> Vec<Item> {
    let mut items = function_items(file, script);
    for window in script.windows(4) {
        match (&window[0], window[1].name()) {
            (word, Some(name)) if word.is_sign("const") => {
                let value = match &window[3] {
                    Piece::Text(text) => format!("const {name} = \"{text}\""),
                    _ => format!("const {name}"),
                };
                items.push(Item::new(Kind::Constant, name, value, ""));
            }
            (word, Some(name)) if word.is_sign("as") => items.push(Item::new(Kind::Variable, name, format!("import as {name}"), "")),
            _ => {}
        }
    }
    distinct(items)
}

/// Functions of the file that the name before `::` imports.
fn imported(folder: &Folder, scene: &Scene<'_>, own: &[Piece]) -> Vec<Item> {
    let alias = scene.pieces.iter().rev().nth(1).and_then(Piece::name);
    let path = own.windows(4).find_map(|window| match window {
        [import, Piece::Text(path), word, Piece::Name(name)]
            if import.is_sign("import") && word.is_sign("as") && Some(name.as_str()) == alias =>
        {
            Some(path)
        }
        _ => None,
    });
    let Some(path) = path else { return Vec::new() };
    let file = format!("{}.rhai", path.trim_start_matches("./").trim_end_matches(".rhai"));
    folder.text(&file).map_or(Vec::new(), |script| function_items(&file, &cursor::all(script)))
}

/// The first of each label.
fn distinct(items: Vec<Item>) -> Vec<Item> {
    let mut seen = std::collections::BTreeSet::new();
    items.into_iter().filter(|item| seen.insert(item.label.clone())).collect()
}
