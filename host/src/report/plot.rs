//! A chart as a file of its own, for a page of documentation: it brings its style and its legend, names what is to the right,
//! and can be told apart without colours. Must not know: what is shown.

use super::chart::{COLOURS, Frame, HEIGHT, LEFT, Scale, WIDTH, places, x_labels, y_axis};
use super::words::escaped;
use std::fmt::Write;

const STYLE: &str = "text{font:12px sans-serif;fill:#222}.unit{font-weight:bold}.grid{stroke:#ccc;stroke-width:1}";
/// Below the chart: the name of the x axis and the legend.
const BELOW: f64 = 44.0;
/// Lines beside each other differ in these, too.
const DASHES: [&str; 3] = ["none", "7 4", "2 3"];

/// Lines with a mark at each of the frame's places; `across` names what its labels count.
pub fn plot(frame: &Frame, across: &str, lines: &[(&str, Vec<i64>)]) -> String {
    let values = || lines.iter().flat_map(|(_, values)| values).copied();
    let scale = Scale::between(values().min().unwrap_or(0), values().max().unwrap_or(0));
    let even_factors = if scale.is_logarithmic { " (logarithmic)" } else { "" };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\" \
         aria-label=\"{}\">\n<style>{STYLE}</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{}\n",
        escaped(frame.title),
        y_axis(&format!("{}{even_factors}", frame.unit), frame, &scale),
        height = HEIGHT + BELOW
    );
    let x = places(frame);
    x_labels(&mut svg, frame, &x);
    // Writing to a string cannot fail.
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" class=\"unit\">{}</text>",
        (LEFT + WIDTH) / 2.0,
        HEIGHT + 4.0,
        escaped(across)
    );
    for (index, (name, values)) in lines.iter().enumerate() {
        let points: Vec<(f64, f64)> = values.iter().enumerate().map(|(at, value)| (x(at), scale.y(*value))).collect();
        line(&mut svg, index, &points);
        legend(&mut svg, index, name);
    }
    svg.push_str("</svg>\n");
    svg
}

fn colour(index: usize) -> &'static str {
    COLOURS[index % COLOURS.len()]
}

fn line(svg: &mut String, index: usize, points: &[(f64, f64)]) {
    let (colour, dashes) = (colour(index), DASHES[index % DASHES.len()]);
    let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let _ = writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dashes}\"/>",
        path.join(" ")
    );
    for (x, y) in points {
        let _ = writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\"/>");
    }
}

/// A piece of the line and its name, side by side with the others.
fn legend(svg: &mut String, index: usize, name: &str) {
    let (left, y) = (LEFT + index as f64 * 300.0, HEIGHT + 28.0);
    line(svg, index, &[(left, y), (left + 36.0, y)]);
    let _ = writeln!(svg, "<text x=\"{:.1}\" y=\"{:.1}\">{}</text>", left + 46.0, y + 4.0, escaped(name));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_names_its_axes_and_its_lines() {
        let labels = vec!["10".into(), "1000".into()];
        let frame = Frame { title: "Cost <over> members", unit: "µs an event".into(), labels, written: &|n| n.to_string() };
        let svg = plot(&frame, "members", &[("one", vec![40, 50]), ("other & more", vec![400, 900])]);
        for part in ["xmlns=", "Cost &lt;over&gt; members", "µs an event", ">members<", ">1000<", ">one<", "other &amp; more", "7 4"] {
            assert!(svg.contains(part), "{part}: {svg}");
        }
        assert_eq!(svg.matches("<circle").count(), 8, "two points and two ends in the legend for each line: {svg}");
    }
}
