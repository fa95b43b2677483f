//! Texts of the page: both languages, amounts, numbers, and everything escaped.

use guerdon_rules::campaign::money::Money;
use guerdon_rules::campaign::{Campaign, Label};
use std::fmt::Write;

/// A text as HTML shows it.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// The page's own words, Chinese first.
pub fn both(zh: &str, en: &str) -> String {
    format!("<span lang=\"zh\">{zh}</span> <span lang=\"en\" class=\"en\">{en}</span>")
}

/// What a campaign calls something, with its id.
pub fn labelled(label: &Label, id: &str) -> String {
    let names: Vec<String> = [&label.zh, &label.en].into_iter().flatten().map(|name| escaped(name)).collect();
    if names.is_empty() { escaped(id) } else { format!("{} <code>{}</code>", names.join(" · "), escaped(id)) }
}

pub fn reward(campaign: &Campaign, name: &str) -> String {
    campaign.reward(name).map_or_else(|| escaped(name), |index| labelled(&campaign.rewards[index].label, name))
}

pub fn account(campaign: &Campaign, name: &str) -> String {
    campaign.account(name).map_or_else(|| escaped(name), |index| labelled(&campaign.accounts[index].label, name))
}

/// `1,234,567`.
pub fn number(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut text = if n < 0 { "-".to_string() } else { String::new() };
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Amounts of one currency.
#[derive(Clone)]
pub struct Currency {
    /// 0 of it; none: nothing has a price.
    nothing: Option<Money>,
}

impl Currency {
    pub fn named(code: Option<&str>) -> Currency {
        Currency { nothing: code.and_then(|code| format!("0 {code}").parse().ok()) }
    }

    fn decimals(&self) -> u32 {
        self.nothing.map_or(0, |money| money.currency.decimals())
    }

    /// `12,340.50 CNY`.
    pub fn amount(&self, minor: i64) -> String {
        let unit = 10_i64.pow(self.decimals());
        let mut text = number(minor / unit);
        if self.decimals() > 0 {
            // Writing to a string cannot fail.
            let _ = write!(text, ".{:0width$}", (minor % unit).abs(), width = self.decimals() as usize);
        }
        let code = self.nothing.as_ref().map_or("", |money| money.currency.code());
        format!("{text} {code}").trim_end().to_string()
    }

    /// Whole units, for axes: `12,340`.
    pub fn short(&self, minor: i64) -> String {
        number(minor / 10_i64.pow(self.decimals()))
    }

    pub fn code(&self) -> String {
        self.nothing.map_or_else(String::new, |money| money.currency.code().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_amounts_are_grouped() {
        for (n, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (-1234567, "-1,234,567")] {
            assert_eq!(number(n), text);
        }
        let yuan = Currency::named(Some("CNY"));
        assert_eq!((yuan.amount(1_902_050), yuan.short(1_902_050)), ("19,020.50 CNY".into(), "19,020".into()));
        assert_eq!((Currency::named(Some("JPY")).amount(1500), Currency::named(None).amount(7)), ("1,500 JPY".into(), "7".into()));
    }

    #[test]
    fn nothing_from_outside_becomes_markup() {
        assert_eq!(escaped("<b>'a' & \"b\"</b>"), "&lt;b&gt;&#39;a&#39; &amp; &quot;b&quot;&lt;/b&gt;");
        let label = Label { zh: Some("学<习".into()), en: None };
        assert_eq!(labelled(&label, "x"), "学&lt;习 <code>x</code>");
    }
}
