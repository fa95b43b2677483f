//! The page of a forecast in a real browser: it shows its charts in both languages, on the screen and on paper, fetches
//! nothing, and has nothing to complain about.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

/// Added to a copy of the page: what the browser has made of it, as one line of JSON.
const LOOK: &str = r#"<script>
addEventListener('load', () => {
  const shown = node => { const box = node.getBoundingClientRect(); return box.width > 0 && box.height > 0; };
  const within = node => { const box = node.getBoundingClientRect(); return box.right <= innerWidth + 1 && box.left >= -1; };
  const svgs = [...document.querySelectorAll('svg')];
  const cells = [...document.querySelectorAll('table, .figure, svg, svg text')];
  const seen = {
    fetched: performance.getEntriesByType('resource').map(entry => entry.name),
    charts: svgs.length,
    drawn: svgs.filter(svg => shown(svg) && svg.getBoundingClientRect().width > 300
      && [...svg.querySelectorAll('path, polyline, polygon, rect')].some(shown)).length,
    labelled: svgs.filter(svg => [...svg.querySelectorAll('text')].filter(shown).length > 2).length,
    zh: [...document.querySelectorAll('[lang=zh]')].filter(shown).map(node => node.textContent),
    en: [...document.querySelectorAll('[lang=en]')].filter(shown).map(node => node.textContent),
    tables: [...document.querySelectorAll('table')].filter(shown).length,
    outside: cells.filter(node => !within(node)).map(node => node.outerHTML.slice(0, 80)),
    wide: document.documentElement.scrollWidth > innerWidth,
  };
  const told = document.createElement('pre');
  told.id = 'seen';
  told.textContent = btoa(unescape(encodeURIComponent(JSON.stringify(seen))));
  document.body.append(told);
});
</script>"#;

/// A forecast of the learning race as one page.
fn report(folder: &Path) -> String {
    let race = Path::new(env!("CARGO_MANIFEST_DIR")).join("../campaigns/learning-race");
    let page = folder.join("forecast.html");
    let run = Command::new(env!("CARGO_BIN_EXE_guerdon-tested"))
        .arg("simulate")
        .arg(&race)
        .arg("--population")
        .arg(race.join("population.toml"))
        .args(["--runs", "3", "--stock", "jd-20=1000", "--stock", "jd-100=100", "--report"])
        .arg(&page)
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    std::fs::read_to_string(page).unwrap()
}

/// The browser with a profile of its own, on a page.
fn browse(folder: &Path, page: &Path, what: &[&str]) -> Output {
    let chromium = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(name).is_file())));
    let chromium = chromium.expect("a browser is missing: sudo apt-get install chromium (tests/run does it)");
    Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"])
        .args(["--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars"])
        .args(["--enable-logging=stderr", "--virtual-time-budget=5000"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .args(what)
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap()
}

/// What the added script saw in a window of this width.
fn seen(folder: &Path, page: &Path, window: &str) -> Value {
    let output = browse(folder, page, &["--dump-dom", &format!("--window-size={window}")]);
    let (dom, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let complaints: Vec<&str> = log.lines().filter(|line| line.contains(":CONSOLE")).collect();
    assert!(complaints.is_empty(), "{complaints:?}");
    let told = dom.split_once("<pre id=\"seen\">").and_then(|(_, rest)| rest.split_once("</pre>"));
    let told = told.unwrap_or_else(|| panic!("the page did not come up: {log}")).0;
    let json = base64_text(told);
    serde_json::from_str(&json).unwrap()
}

fn base64_text(text: &str) -> String {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'=').collect();
    let group = |four: &[u8]| {
        let bits = four.iter().fold(0_u32, |bits, byte| bits << 6 | u32::from(value(*byte))) << (6 * (4 - four.len()));
        bits.to_be_bytes()[1..four.len()].to_vec()
    };
    String::from_utf8(digits.chunks(4).flat_map(group).collect()).unwrap()
}

#[test]
fn the_page_shows_its_charts_in_both_languages_and_fetches_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let html = report(folder.path());
    for outside in ["http:", "https:", "src=", "@import", "url(", "<link", "<script"] {
        assert!(!html.contains(outside), "{outside}");
    }
    let page = folder.path().join("looked-at.html");
    std::fs::write(&page, html.replace("</body>", &format!("{LOOK}</body>"))).unwrap();
    // A desk and a telephone.
    for window in ["1100,1400", "500,900"] {
        let seen = seen(folder.path(), &page, window);
        assert_eq!(seen["fetched"], serde_json::json!([]), "{window}");
        let charts = seen["charts"].as_u64().unwrap();
        assert!(charts >= 4 && seen["tables"].as_u64().unwrap() >= 4, "{window}: {seen}");
        assert_eq!((&seen["drawn"], &seen["labelled"]), (&charts.into(), &charts.into()), "{window}: {seen}");
        for (language, word) in [("zh", "费用随时间"), ("en", "Cost over time"), ("zh", "预算"), ("en", "Who gets the most")] {
            assert!(seen[language].as_array().unwrap().iter().any(|text| text == word), "{window}: {word}");
        }
        if window == "1100,1400" {
            assert_eq!((&seen["outside"], &seen["wide"]), (&serde_json::json!([]), &false.into()), "{seen}");
        }
    }
}

#[test]
fn the_page_can_be_printed() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    std::fs::write(&page, report(folder.path())).unwrap();
    let paper = folder.path().join("page.pdf");
    browse(folder.path(), &page, &["--no-pdf-header-footer", &format!("--print-to-pdf={}", paper.display())]);
    let pdf = std::fs::read(paper).unwrap();
    let count = |wanted: &[u8]| pdf.windows(wanted.len()).filter(|window| *window == wanted).count();
    let pages = count(b"/Type /Page\n") + count(b"/Type /Page ") + count(b"/Type/Page/");
    assert!(pdf.starts_with(b"%PDF") && (2..=12).contains(&pages), "{pages} pages");
}
