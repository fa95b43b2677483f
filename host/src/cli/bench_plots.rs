//! What `guerdon bench --plots` writes: how the cost of an event grows, a chart for each measurement that has points.

use crate::bench::{Entry, Growth};
use crate::report::{Frame, plot};
use std::path::Path;

/// A rate's cost, in whole nanoseconds.
fn cost(per_second: f64) -> i64 {
    (1e9 / per_second) as i64
}

/// As `NAME.svg` in a folder, which is made.
pub fn write(folder: &Path, entries: &[Entry]) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let drawn = entries.iter().filter_map(|entry| Some((entry.name, draw(entry.growth.as_ref()?))));
    for (name, svg) in drawn {
        std::fs::write(folder.join(format!("{name}.svg")), svg)?;
    }
    Ok(())
}

fn draw(growth: &Growth) -> String {
    let labels = growth.points.iter().map(|point| short(point.at)).collect();
    let title = format!("Cost of an event over {}", growth.over);
    let frame = Frame { title: &title, unit: "µs an event".into(), labels, written: &|nanoseconds| thousandths(nanoseconds) };
    let values = growth.points.iter().map(|point| cost(point.value)).collect();
    let baselines = growth.points.iter().map(|point| cost(point.baseline)).collect();
    plot(&frame, growth.over, &[(growth.value_of, values), (growth.baseline_of, baselines)])
}

/// Nanoseconds as microseconds.
fn thousandths(nanoseconds: i64) -> String {
    let text = format!("{}.{:03}", nanoseconds / 1000, nanoseconds % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// `200k`, `1M`.
fn short(count: u64) -> String {
    match count {
        n if n >= 1_000_000 && n % 100_000 == 0 => format!("{}M", n as f64 / 1e6),
        n if n >= 1000 && n % 100 == 0 => format!("{}k", n as f64 / 1e3),
        n => n.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::{short, thousandths};

    #[test]
    fn numbers_of_axes_are_short() {
        assert_eq!([1, 256, 5_000, 12_500, 1_000_000, 2_500_000].map(short), ["1", "256", "5k", "12.5k", "1M", "2.5M"]);
        assert_eq!([0, 500, 20_000, 1_250_000].map(thousandths), ["0", "0.5", "20", "1250"]);
    }
}
