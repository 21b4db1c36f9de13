//! Bars of images a second, as an SVG for light and dark backgrounds.

use std::fmt::Write as _;

/// Bars on one scale. The first is the host's.
pub struct Group {
    title: String,
    bars: Vec<(&'static str, f64)>,
}

impl Group {
    /// With names and images/s.
    pub fn new(title: String, bars: impl Iterator<Item = (&'static str, f64)>) -> Self {
        let bars = bars.collect();
        Self { title, bars }
    }
}

// In pixels.
const WIDTH: usize = 760;
const LEFT: usize = 280;
const LONGEST: f64 = 320.0;
const TITLE: usize = 34;
const BAR: usize = 22;

const STYLE: &str = "\
text { font: 13px system-ui, sans-serif; fill: #24292f } .title { font-weight: 600 } .about { fill: #57606a } \
rect { fill: #8c959f } .host { fill: #0969da } \
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .about { fill: #9198a1 } rect { fill: #6e7681 } .host { fill: #4493f8 } }";

/// The picture; `about` stands beneath it.
pub fn svg(about: &str, groups: &[Group]) -> String {
    let mut body = String::new();
    let mut y = 0;
    for group in groups {
        y += TITLE;
        text(&mut body, 0, y, " class=\"title\"", &group.title);
        y += 8;
        let most = group.bars.iter().map(|(_, rate)| *rate).fold(1.0, f64::max);
        let first = group.bars.first().map_or(0.0, |(_, rate)| *rate);
        for (place, (name, rate)) in group.bars.iter().enumerate() {
            let (class, times) = match place {
                0 => (" class=\"host\"", String::new()),
                _ => ("", format!("  (host: {:.1} ×)", first / rate)),
            };
            let length = (LONGEST * rate / most).max(1.0);
            text(&mut body, 0, y + 15, "", &name.replace('`', ""));
            // Writing to a string does not fail.
            let _ = writeln!(
                body,
                "<rect{class} x=\"{LEFT}\" y=\"{}\" width=\"{length:.0}\" height=\"{}\"/>",
                y + 3,
                BAR - 6
            );
            let beside = LEFT + length as usize + 6;
            text(&mut body, beside, y + 15, "", &format!("{}{times}", grouped(*rate)));
            y += BAR;
        }
    }
    y += TITLE;
    let about = format!("Images a second. {about}.");
    text(&mut body, 0, y, " class=\"about\"", &about);
    let height = y + 12;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\">\n\
         <title>Images a second of the host and of Python</title>\n<style>{STYLE}</style>\n{body}</svg>\n"
    )
}

fn text(body: &mut String, x: usize, y: usize, class: &str, words: &str) {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(body, "<text{class} x=\"{x}\" y=\"{y}\">{words}</text>");
}

/// `12,345`.
fn grouped(rate: f64) -> String {
    let digits = format!("{rate:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_rate_and_the_hosts_is_marked() {
        let bars = [("`host run`", 12_000.0), ("a < b", 3_000.0)];
        let drawn = svg("Some CPU", &[Group::new("all".to_owned(), bars.into_iter())]);
        assert!(
            drawn.contains("class=\"host\" x=\"280\" y=\"45\" width=\"320\""),
            "{drawn}"
        );
        assert!(drawn.contains("<rect x=\"280\" y=\"67\" width=\"80\""), "{drawn}");
        assert!(drawn.contains(">host run<") && drawn.contains(">a &lt; b<"), "{drawn}");
        assert!(
            drawn.contains(">12,000<") && drawn.contains(">3,000  (host: 4.0 ×)<"),
            "{drawn}"
        );
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(grouped(999.4), "999");
        assert_eq!(grouped(1_234_567.0), "1,234,567");
    }
}
