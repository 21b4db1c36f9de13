//! The evaluation as an SVG file: the confusion matrix, and below it the most confidently wrong answers. Every browser shows it, and
//! labels are text that can be searched, copied and enlarged.

mod confusion;
mod thumbnail;

use std::fmt::{self, Write};

use self::confusion::Confusion;
pub use self::thumbnail::Thumbnail;
use super::{Evaluation, Look, Mistake};
use crate::terminal::printable;

const MARGIN: u32 = 28;
/// The height of a line of text.
const LINE: u32 = 18;
/// About the width of a character of the monospaced font.
const CHARACTER: u32 = 8;
/// The least width, so that the title fits.
const NARROWEST: u32 = 720;
/// The side of a mistake's image; width and height with its captions and the space around them.
const SIDE: u32 = 112;
const TILE: [u32; 2] = [152, SIDE + 3 * LINE + 24];
const MOST_CHARACTERS: usize = 18;
const STYLE: &str = "text{font:13px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#18181b}\
                     .large{font-size:18px}.bold{font-weight:bold}.pale{fill:#71717a}.wrong{fill:#b0181e}.light{fill:#fff}\
                     image{image-rendering:pixelated}";

/// The text of the SVG file. `labels` are the model's.
pub fn draw(evaluation: &Evaluation, labels: &[String], title: &str, subtitle: [&str; 2]) -> String {
    let confusion = Confusion::new(&evaluation.tally, labels);
    let mistakes = &evaluation.mistakes;
    let [map_width, map_height] = confusion.size();
    let inner = map_width.max(NARROWEST);
    let across = inner / TILE[0];
    let below = (mistakes.len() as u32).div_ceil(across) * TILE[1];
    let head = MARGIN + 4 * LINE;
    let (width, height) = (2 * MARGIN + inner, head + map_height + 4 * LINE + below + MARGIN);

    let mut svg = Svg::default();
    svg.text([MARGIN, MARGIN + LINE], "large", title);
    for (number, line) in (2..).zip(subtitle) {
        svg.text([MARGIN, MARGIN + number * LINE], "pale", line);
    }
    confusion.draw(&mut svg, [MARGIN, head]);
    let top = head + map_height + 2 * LINE;
    let heading = match mistakes.len() {
        0 => "No wrong answer".to_owned(),
        count => format!("The most confidently wrong answers ({count}): true class, predicted class, score"),
    };
    svg.text([MARGIN, top], "bold", &heading);
    for (number, mistake) in (0..).zip(mistakes) {
        let (row, column) = (number / across, number % across);
        draw_mistake(
            &mut svg,
            [MARGIN + column * TILE[0], top + LINE + row * TILE[1]],
            mistake,
            labels,
        );
    }
    svg.finish(title, [width, height])
}

fn draw_mistake(svg: &mut Svg, [x, y]: [u32; 2], mistake: &Mistake, labels: &[String]) {
    let thumbnail = match &mistake.look {
        Some(Look::Thumbnail(thumbnail)) => Some(thumbnail.clone()),
        Some(Look::File(path)) => Thumbnail::of_file(path),
        None => None,
    };
    match thumbnail {
        Some(thumbnail) => svg.raw(format_args!(
            r#"<image x="{x}" y="{y}" width="{SIDE}" height="{SIDE}" href="{}"/>"#,
            thumbnail.data_url()
        )),
        None => svg.raw(format_args!(
            r##"<rect x="{x}" y="{y}" width="{SIDE}" height="{SIDE}" fill="#e4e4e7"/>"##
        )),
    }
    let label = |class: u32| labels.get(class as usize).map_or("?", String::as_str);
    let score = mistake
        .score
        .map_or_else(String::new, |score| format!("{:.1} %, ", score * 100.0));
    let captions = [
        ("", label(mistake.class).to_owned()),
        ("wrong", format!("→ {}", label(mistake.answered))),
        ("pale", format!("{score}{}", mistake.image)),
    ];
    for (number, (class, caption)) in (1..).zip(captions) {
        svg.text(
            [x, y + SIDE + number * LINE],
            class,
            &shortened(&printable(&caption), MOST_CHARACTERS),
        );
    }
}

/// The elements of a picture, in the order in which they are drawn.
#[derive(Default)]
struct Svg(String);

impl Svg {
    fn raw(&mut self, element: fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.0.write_fmt(element);
        self.0.push('\n');
    }

    /// A line of text in the style of a CSS class.
    fn text(&mut self, [x, y]: [u32; 2], class: &str, text: &str) {
        self.raw(format_args!(
            r#"<text x="{x}" y="{y}" class="{class}">{}</text>"#,
            Escaped(text)
        ));
    }

    /// The same with other attributes.
    fn text_with(&mut self, [x, y]: [u32; 2], attributes: &str, text: &str) {
        self.raw(format_args!(
            r#"<text x="{x}" y="{y}" {attributes}>{}</text>"#,
            Escaped(text)
        ));
    }

    fn finish(self, title: &str, [width, height]: [u32; 2]) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
             <title>{}</title>\n<style>{STYLE}</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{}</svg>\n",
            Escaped(title),
            self.0
        )
    }
}

/// Text escaped for XML. `printable` removes the control characters that XML does not allow.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in printable(self.0).chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                // XML does not allow these two either.
                '\u{fffe}' | '\u{ffff}' => f.write_str("\u{fffd}")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Text of at most so many characters; if it is cut, the last one is an ellipsis.
fn shortened(text: &str, most: usize) -> String {
    match text.chars().count() > most {
        false => text.to_owned(),
        true => text.chars().take(most - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::evaluation::{ImageName, Tally};
    use crate::images::Shape;
    use crate::pipeline::Warnings;

    fn evaluation(classes: u32, mistakes: usize) -> Evaluation {
        let mut tally = Tally::default();
        for class in 0..classes {
            tally.add(class, class);
            tally.add(class, (class + 1) % classes);
        }
        let shape = Shape {
            height: 28,
            width: 28,
            channels: 1,
        };
        let mistake = Mistake {
            image: ImageName::File("靴/\u{202e}<1>.png".into()),
            class: 0,
            answered: 70_000,
            score: Some(0.987),
            look: Thumbnail::of_pixels(shape, &[9; 784]).map(Look::Thumbnail),
        };
        Evaluation {
            tally,
            mistakes: vec![mistake; mistakes],
            unclassified: 0,
            first_unclassified: Vec::new(),
            warnings: Warnings::default(),
            took: Duration::ZERO,
        }
    }

    #[test]
    fn whatever_there_is_to_show_it_is_drawn_within_the_picture() {
        for (classes, mistakes) in [(0, 0), (1, 1), (10, 40), (30, 40), (900, 40)] {
            let labels: Vec<_> = (0..classes)
                .map(|class| format!("{class} <\u{1b}&\"> {}", "x".repeat(200)))
                .collect();
            let svg = draw(
                &evaluation(classes, mistakes),
                &labels,
                "a \"title\"",
                ["and & more", ""],
            );
            let number = |text: &str, name: &str| -> Option<u32> {
                let (_, value) = text.split_once(&format!(" {name}=\""))?;
                value.split('"').next()?.parse().ok()
            };
            let (width, height) = (number(&svg, "width").unwrap(), number(&svg, "height").unwrap());
            assert!(width < 1_700, "{classes} classes: {width} x {height}");
            for element in svg.lines().skip(4).filter(|line| line.starts_with('<')) {
                let at = |name| number(element, name).unwrap_or(0);
                assert!(
                    at("x") + at("width") <= width && at("y") + at("height") <= height,
                    "{element}"
                );
            }
            assert_eq!(svg.matches("<image ").count(), mistakes);
            assert_eq!(
                svg.matches('<').count(),
                svg.matches('>').count(),
                "what comes from outside is escaped"
            );
            assert!(!svg.contains(['\u{1b}', '\u{202e}']), "{svg}");
        }
    }

    #[test]
    fn a_mistake_has_its_image_its_classes_and_its_score() {
        let svg = draw(
            &evaluation(2, 1),
            &["Shirt".to_owned(), "Hat".to_owned()],
            "title",
            ["data", "model"],
        );
        assert!(svg.contains("href=\"data:image/png;base64,iVBORw0KGgo"), "{svg}");
        assert!(
            svg.contains(">Shirt</text>\n<text") && svg.contains(">→ ?</text>"),
            "{svg}"
        );
        assert!(svg.contains(">98.7 %, 靴/\\u{202e…</text>"), "{svg}");
    }
}
