//! Charts as inline SVG: lines with a band, and bars. Axes have ticks at round numbers, and a unit.

use super::words::escaped;
use std::fmt::Write;

pub(super) const WIDTH: f64 = 760.0;
pub(super) const HEIGHT: f64 = 250.0;
pub(super) const LEFT: f64 = 84.0;
/// Half a label has its place beside the last point.
const RIGHT: f64 = 24.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 34.0;
pub(super) const COLOURS: [&str; 5] = ["#1f5fa8", "#c2571a", "#3b7d3a", "#7a4fa3", "#5b6470"];
const LIMIT: &str = "#b00020";
/// Times the least, from which on even steps would hide how small values differ.
const FLAT: i64 = 15;
/// Labels below the x axis, at most.
const LABELS: usize = 9;

/// One line; `low` and `high` bound the band around it.
pub struct Line {
    pub name: String,
    pub low: Vec<i64>,
    pub middle: Vec<i64>,
    pub high: Vec<i64>,
}

/// What all charts have.
pub struct Frame<'a> {
    /// What is shown, for those who cannot see it.
    pub title: &'a str,
    /// Of the y axis.
    pub unit: String,
    /// Below the x axis, one for each place.
    pub labels: Vec<String>,
    /// How a number of the y axis is written.
    pub written: &'a dyn Fn(i64) -> String,
}

/// Lines over places that are equally far apart, and a level that must not be passed.
pub fn lines(frame: &Frame, lines: &[Line], limit: Option<(&str, i64)>) -> String {
    let most = lines.iter().flat_map(|line| line.high.iter().chain(&line.middle)).copied().max().unwrap_or(0);
    // A limit far above everything would press the lines flat.
    let limit = limit.filter(|(_, level)| *level <= most.saturating_mul(4));
    let scale = Scale::up_to(most.max(limit.map_or(0, |(_, level)| level)));
    let x = places(frame);
    let mut svg = begin(frame, &scale);
    x_labels(&mut svg, frame, &x);
    for (line, colour) in lines.iter().zip(COLOURS.iter().cycle()) {
        let point = |(index, value): (usize, &i64)| format!("{:.1},{:.1}", x(index), scale.y(*value));
        let upper = line.high.iter().enumerate().map(point);
        let lower = line.low.iter().enumerate().rev().map(point);
        let band: Vec<String> = upper.chain(lower).collect();
        let middle: Vec<String> = line.middle.iter().enumerate().map(point).collect();
        // Writing to a string cannot fail.
        let _ = write!(svg, "<polygon points=\"{}\" fill=\"{colour}\" fill-opacity=\"0.18\"/>", band.join(" "));
        let _ = write!(svg, "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>", middle.join(" "));
    }
    if let Some((name, level)) = limit {
        let y = scale.y(level);
        let _ = write!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"{LIMIT}\" stroke-width=\"1.5\" stroke-dasharray=\"6 4\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" fill=\"{LIMIT}\">{}</text>",
            WIDTH - RIGHT,
            LEFT + 6.0,
            y - 5.0,
            escaped(name)
        );
    }
    svg.push_str("</svg>");
    format!("{}{svg}", legend(lines.iter().map(|line| line.name.as_str())))
}

/// Where each place is, from left to right.
pub(super) fn places(frame: &Frame) -> impl Fn(usize) -> f64 + use<> {
    let last = frame.labels.len().saturating_sub(1).max(1) as f64;
    move |index| LEFT + index as f64 / last * (WIDTH - LEFT - RIGHT)
}

/// Bars of one or more series beside each other.
pub fn bars(frame: &Frame, series: &[(String, Vec<i64>)]) -> String {
    let scale = Scale::up_to(series.iter().flat_map(|(_, values)| values).copied().max().unwrap_or(0));
    let places = frame.labels.len().max(1) as f64;
    let place = (WIDTH - LEFT - RIGHT) / places;
    let width = place * 0.8 / series.len().max(1) as f64;
    let mut svg = begin(frame, &scale);
    x_labels(&mut svg, frame, |index| LEFT + (index as f64 + 0.5) * place);
    for (number, ((_, values), colour)) in series.iter().zip(COLOURS.iter().cycle()).enumerate() {
        for (index, value) in values.iter().enumerate().filter(|(_, value)| **value > 0) {
            let x = LEFT + index as f64 * place + place * 0.1 + number as f64 * width;
            let y = scale.y(*value);
            let _ = write!(
                svg,
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{colour}\"><title>{}</title></rect>",
                (width - 1.0).max(0.5),
                HEIGHT - BOTTOM - y,
                escaped(&(frame.written)(*value))
            );
        }
    }
    svg.push_str("</svg>");
    let names = series.iter().map(|(name, _)| name.as_str());
    if series.len() > 1 { format!("{}{svg}", legend(names)) } else { svg }
}

/// What each colour is; names are HTML.
fn legend<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let item = |(name, colour): (&str, &&str)| format!("<span class=\"key\"><i style=\"background:{colour}\"></i>{name}</span>");
    let items: String = names.zip(COLOURS.iter().cycle()).map(item).collect();
    format!("<p class=\"legend\">{items}</p>")
}

fn begin(frame: &Frame, scale: &Scale) -> String {
    let title = escaped(frame.title);
    format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">{}", y_axis(&frame.unit, frame, scale))
}

/// The unit above, and a line for each tick.
pub(super) fn y_axis(unit: &str, frame: &Frame, scale: &Scale) -> String {
    let mut svg = format!("<text x=\"{LEFT}\" y=\"14\" class=\"unit\">{}</text>", escaped(unit));
    for tick in &scale.ticks {
        let y = scale.y(*tick);
        let _ = write!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\" class=\"grid\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 8.0,
            y + 4.0,
            escaped(&(frame.written)(*tick))
        );
    }
    svg
}

/// Labels that do not run into each other.
pub(super) fn x_labels(svg: &mut String, frame: &Frame, x: impl Fn(usize) -> f64) {
    let every = frame.labels.len().div_ceil(LABELS).max(1);
    for (index, label) in frame.labels.iter().enumerate().step_by(every) {
        let _ = write!(svg, "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>", x(index), HEIGHT - 14.0, escaped(label));
    }
}

/// Round numbers from the bottom to the top: even steps from 0, or even factors.
pub(super) struct Scale {
    ticks: Vec<i64>,
    pub(super) is_logarithmic: bool,
}

impl Scale {
    /// At most six ticks, at multiples of 1, 2 or 5 times a power of ten.
    pub(super) fn up_to(most: i64) -> Scale {
        let most = most.max(1);
        let step = round_numbers().find(|step| most.div_euclid(*step) < 5).unwrap_or(i64::MAX);
        let steps = most.div_euclid(step) + i64::from(most % step != 0);
        Scale { ticks: (0..=steps).map(|n| n.saturating_mul(step)).collect(), is_logarithmic: false }
    }

    /// As `up_to`; where the least would lie flat on the bottom, each tick is about twice the one below.
    pub(super) fn between(least: i64, most: i64) -> Scale {
        if least < 1 || most / least < FLAT {
            return Scale::up_to(most);
        }
        let above = round_numbers().position(|n| n > least).unwrap_or_default();
        let ticks = round_numbers().skip(above.saturating_sub(1));
        let below_most = ticks.clone().take_while(|n| *n < most).count();
        Scale { ticks: ticks.take(below_most + 1).collect(), is_logarithmic: true }
    }

    pub(super) fn y(&self, value: i64) -> f64 {
        let top = self.ticks.last().copied().unwrap_or(1).max(1) as f64;
        let bottom = self.ticks.first().copied().unwrap_or(0) as f64;
        let value = value as f64;
        let part = if self.is_logarithmic { (value / bottom).ln() / (top / bottom).ln() } else { value / top };
        HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)
    }
}

/// 1, 2, 5, 10, 20, …
fn round_numbers() -> impl Iterator<Item = i64> + Clone {
    (0..18).flat_map(|power| [1, 2, 5].map(|factor| 10_i64.pow(power) * factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_reach_the_most() {
        #[rustfmt::skip]
        let table = [
            (0,       vec![0, 1]),
            (4,       vec![0, 1, 2, 3, 4]),
            (7,       vec![0, 2, 4, 6, 8]),
            (100,     vec![0, 50, 100]),
            (1420,    vec![0, 500, 1000, 1500]),
            (1902000, vec![0, 500_000, 1_000_000, 1_500_000, 2_000_000]),
        ];
        for (most, ticks) in table {
            assert_eq!(Scale::up_to(most).ticks, ticks, "{most}");
        }
        assert!(Scale::up_to(i64::MAX).ticks.len() <= 20);
    }

    #[test]
    fn even_factors_where_even_steps_would_hide_the_least() {
        assert_eq!(Scale::between(130, 3800).ticks, [100, 200, 500, 1000, 2000, 5000]);
        assert_eq!(Scale::between(100, 2000).ticks, [100, 200, 500, 1000, 2000]);
        let scale = Scale::between(100, 10_000);
        assert!((scale.y(1000) * 2.0 - scale.y(100) - scale.y(10_000)).abs() < 1e-9);
        assert!(!Scale::between(0, 3800).is_logarithmic && !Scale::between(500, 3800).is_logarithmic);
    }

    #[test]
    fn a_chart_shows_its_unit_its_limit_and_its_labels() {
        let frame = Frame { title: "Cost", unit: "CNY".into(), labels: vec!["09-22".into(), "09-23".into()], written: &|n| n.to_string() };
        let line = Line { name: "a".into(), low: vec![0, 5], middle: vec![0, 7], high: vec![0, 9] };
        let svg = lines(&frame, &[line], Some(("budget <10>", 10)));
        for part in ["CNY", "budget &lt;10&gt;", "09-23", "polyline", "polygon"] {
            assert!(svg.contains(part), "{part}: {svg}");
        }
        let svg = bars(&frame, &[("a".into(), vec![3, 0])]);
        assert_eq!(svg.matches("<rect").count(), 1, "{svg}");
    }
}
