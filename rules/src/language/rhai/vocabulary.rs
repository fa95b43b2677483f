//! The words of the rule API, in one place: what a rule may call, in which shape, the names that properties have, and what
//! each is for. The API registers them, the check compares a file with them, error texts list them, editors show them; a
//! test holds that the engine knows these and no others.
//! Must not know: campaigns, rhai.

/// What an argument stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    Account,
    Reward,
    Event,
    Attribute,
    Period,
    /// A whole number, not negative.
    Whole,
    /// The value of an attribute.
    Value,
}

impl Slot {
    pub fn word(self) -> &'static str {
        match self {
            Slot::Account => "account",
            Slot::Reward => "reward",
            Slot::Event => "event",
            Slot::Attribute => "attribute",
            Slot::Period => "period",
            Slot::Whole => "whole number",
            Slot::Value => "value",
        }
    }
}

/// What a word is for, in the words that editors show.
#[derive(Clone, Copy, Debug)]
pub struct About {
    pub en: &'static str,
    pub zh: &'static str,
}

/// A method of a member.
#[derive(Debug)]
pub struct Method {
    pub name: &'static str,
    pub slots: &'static [Slot],
    /// Facts are fetched before the rule runs; the others are effects.
    pub is_fact: bool,
    /// The type of what it gives back, as definition files write it.
    pub gives: &'static str,
    pub about: About,
}

const fn fact(name: &'static str, slots: &'static [Slot], gives: &'static str, en: &'static str, zh: &'static str) -> Method {
    Method { name, slots, is_fact: true, gives, about: About { en, zh } }
}

const fn effect(name: &'static str, slots: &'static [Slot], en: &'static str, zh: &'static str) -> Method {
    Method { name, slots, is_fact: false, gives: "()", about: About { en, zh } }
}

pub const METHODS: &[Method] = &[
    fact(
        "points",
        &[Slot::Account, Slot::Period],
        "int",
        "Points in an account, parts included, as they stood before the event.",
        "账户里的积分（含其组成部分），是事件发生之前的数。",
    ),
    fact(
        "granted",
        &[Slot::Reward, Slot::Period],
        "int",
        "Units of a reward that the member was granted, in any state.",
        "该成员已获得的奖励数量，不论状态。",
    ),
    fact(
        "events",
        &[Slot::Event, Slot::Period],
        "int",
        "Booked events of a type whose member this is, without the one being decided.",
        "该成员已入账的某类事件数，不含正在处理的这一个。",
    ),
    fact("referrals", &[Slot::Period], "int", "Members whom this one invited and who accepted.", "该成员邀请并已接受的人数。"),
    fact(
        "rank",
        &[Slot::Account],
        "int",
        "The place by points in the closing cycle: 1 is best, a tie goes to who got there first, and without points it is the largest \
         number there is. Only in on_cycle_close.",
        "结算周期内的名次：1 最好，同分先到者在前，没有积分时是最大的整数。只能在 on_cycle_close 里用。",
    ),
    fact(
        "get",
        &[Slot::Attribute],
        "?",
        "The value of an attribute; missing where it has no default and nobody set it.",
        "属性的值；没有默认值又未设置过时为缺失。",
    ),
    effect(
        "award",
        &[Slot::Account, Slot::Whole],
        "Puts points into an account. Zero does nothing, limits cut off what is too much, a negative number fails the event.",
        "给账户加积分。0 不起作用，超出上限的部分被截去，负数会使事件失败。",
    ),
    effect(
        "deduct",
        &[Slot::Account, Slot::Whole],
        "Takes points out of an account. Below zero the event fails.",
        "从账户扣积分。扣到零以下时事件失败。",
    ),
    effect("grant", &[Slot::Reward], "Grants one unit of a reward. Without stock it is owed.", "发一份奖励。没有库存时先欠着。"),
    effect(
        "grant",
        &[Slot::Reward, Slot::Whole],
        "Grants units of a reward. Zero does nothing; without stock they are owed.",
        "发若干份奖励。0 不起作用；没有库存时先欠着。",
    ),
    effect(
        "set",
        &[Slot::Attribute, Slot::Value],
        "Sets an attribute; the last one in a decision counts. `()` clears one without a default.",
        "设置属性，以最后一次为准。没有默认值的属性可用 `()` 清除。",
    ),
];

/// A function that belongs to nobody.
#[derive(Debug)]
pub struct Helper {
    pub name: &'static str,
    /// Name and type of each argument.
    pub arguments: &'static [(&'static str, &'static str)],
    pub gives: &'static str,
    pub about: About,
}

const fn helper(
    name: &'static str,
    arguments: &'static [(&'static str, &'static str)],
    gives: &'static str,
    en: &'static str,
    zh: &'static str,
) -> Helper {
    Helper { name, arguments, gives, about: About { en, zh } }
}

/// Functions that belong to nobody.
pub const HELPERS: &[Helper] = &[
    helper(
        "refuse",
        &[("reason", "String")],
        "()",
        "Ends the rule: nothing is booked, the reason is kept, and the once_per key stays free.",
        "结束规则：什么都不入账，保留原因，once_per 的键仍可用。",
    ),
    helper("note", &[("text", "String")], "()", "Words for the receipt.", "写进回执的说明。"),
    helper(
        "draw",
        &[("n", "int")],
        "int",
        "A random whole number from 1 to n. Sending the event again draws the same.",
        "1 到 n 的随机整数。同一事件重发，结果不变。",
    ),
    helper(
        "missing",
        &[("value", "?")],
        "bool",
        "Whether an optional field, role or attribute is not there. `x ?? 0` gives another value instead.",
        "可选的字段、角色或属性是否缺失。`x ?? 0` 可给出替代值。",
    ),
    helper("whole", &[("number", "?")], "int", "Rounds a number down to a whole one.", "向下取整。"),
    helper(
        "day",
        &[("date", "String")],
        "int",
        "A date, \"2026-11-11\", as a day number like event.day.",
        "把日期 \"2026-11-11\" 变成与 event.day 相同的天数。",
    ),
    helper("min", &[("a", "?"), ("b", "?")], "?", "The smaller of two numbers.", "两数中较小的。"),
    helper("max", &[("a", "?"), ("b", "?")], "?", "The larger of two numbers.", "两数中较大的。"),
];

/// Something that is read after a dot.
#[derive(Debug)]
pub struct Property {
    pub name: &'static str,
    /// Its type, as definition files write it.
    pub kind: &'static str,
    pub about: About,
}

const fn property(name: &'static str, kind: &'static str, en: &'static str, zh: &'static str) -> Property {
    Property { name, kind, about: About { en, zh } }
}

pub const EVENT_PROPERTIES: &[Property] = &[
    property("type", "String", "The event type, \"account.opened\".", "事件类型。"),
    property("id", "String", "The event's id, as its source gave it.", "事件来源给出的编号。"),
    property(
        "day",
        "int",
        "The local day of the event's own time, counted from 1970-01-01.",
        "事件发生的当地日期，从 1970-01-01 起的天数。",
    ),
    property("weekday", "String", "\"monday\" to \"sunday\", by the campaign's calendar.", "\"monday\" 到 \"sunday\"，按活动当地日历。"),
    property("hour", "int", "The local hour, 0 to 23.", "当地小时，0 到 23。"),
    property("member", "member", "Whose event it is.", "事件属于谁。"),
    property("data", "data", "The fields of the event, as campaign.toml declares them.", "事件的字段，见 campaign.toml。"),
    property("roles", "roles", "Who else takes part, as campaign.toml declares them.", "其他参与者，见 campaign.toml。"),
];

pub const CYCLE_PROPERTIES: &[Property] = &[
    property("number", "int", "The cycle's number; the first is 1.", "第几个周期，从 1 起。"),
    property("first_day", "int", "Its first local day, counted from 1970-01-01.", "周期第一天，从 1970-01-01 起的天数。"),
    property("last_day", "int", "Its last local day, counted from 1970-01-01.", "周期最后一天，从 1970-01-01 起的天数。"),
    property("is_last", "bool", "Whether it is the campaign's last one.", "是否活动的最后一个周期。"),
    property(
        "roles",
        "roles",
        "Whom else the close may look at: [cycle] roles of campaign.toml.",
        "结算时可看的其他成员，见 campaign.toml 的 [cycle] roles。",
    ),
];

pub const MEMBER_PROPERTIES: &[Property] = &[
    property("id", "String", "The member's id.", "成员编号。"),
    property(
        "kind",
        "String",
        "\"member\", or what campaign.toml calls it: \"branch\", \"team\".",
        "\"member\"，或 campaign.toml 里的名称，如 \"branch\"、\"team\"。",
    ),
];

/// The names of properties.
pub fn names(properties: &'static [Property]) -> impl Iterator<Item = &'static str> + Clone {
    properties.iter().map(|property| property.name)
}

/// The words of properties, for a text that lists them.
pub fn listed(properties: &'static [Property]) -> String {
    names(properties).collect::<Vec<_>>().join(", ")
}

/// Monday first.
pub const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Every name that a rule may call and must not define.
pub fn api_names() -> impl Iterator<Item = &'static str> + Clone {
    METHODS.iter().map(|method| method.name).chain(HELPERS.iter().map(|helper| helper.name))
}

/// Words of rhai that rules do without, and what to write instead.
pub const ABSENT_WORDS: &[(&str, &str)] = &[
    ("while", "write `for i in 0..n { … }`: a rule must end"),
    ("loop", "write `for i in 0..n { … }`: a rule must end"),
    ("do", "write `for i in 0..n { … }`: a rule must end"),
    ("try", "a rule does not catch errors: test first, with missing(x)"),
    ("throw", "write refuse(\"reason\")"),
    ("eval", "a rule cannot run text"),
    ("Fn", "functions are not values here: call them by name"),
    ("call", "functions are not values here: call them by name"),
    ("curry", "functions are not values here: call them by name"),
    ("print", "write note(\"text\"): it appears on the receipt"),
    ("debug", "write note(\"text\"): it appears on the receipt"),
    ("sleep", "a rule decides at once"),
    ("exit", "write `return;`"),
    ("is_shared", ""),
    ("is_def_var", ""),
    ("is_def_fn", ""),
    ("export", "constants stay in their file; functions of an imported file are seen without it"),
];
