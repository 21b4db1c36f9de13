//! Images as text: two rows of pixels in each line, as half blocks in shades of grey, or as letters without colour.

use std::fmt::Write;

use crate::images::Batch;

/// From dark to light.
const LETTERS: &[u8] = b" .:-=+*#%@";

/// The lines of one grey image of a batch, each as wide as the image. None: there is no such image.
pub fn draw(batch: &Batch, image: usize, colours: bool) -> Option<Vec<String>> {
    let values = usize::try_from(batch.shape.values()?).ok()?;
    let width = usize::try_from(batch.shape.width * batch.shape.channels).ok()?;
    let pixels = batch.pixels.chunks_exact(values).nth(image)?;
    let rows: Vec<_> = pixels.chunks_exact(width).collect();
    let lines = rows.chunks(2).map(|pair| {
        let upper = pair.first().copied().unwrap_or_default();
        let lower = pair.get(1).copied().unwrap_or(upper);
        line(upper, lower, colours)
    });
    Some(lines.collect())
}

fn line(upper: &[u8], lower: &[u8], colours: bool) -> String {
    let mut line = String::new();
    for (upper, lower) in upper.iter().zip(lower) {
        if colours {
            // Writing to a string cannot fail.
            let _ = write!(line, "\x1b[38;5;{};48;5;{}m▀", shade(*upper), shade(*lower));
        } else {
            let mean = (usize::from(*upper) + usize::from(*lower)) / 2;
            let letter = LETTERS.get(mean * LETTERS.len() / 256).copied().unwrap_or(b' ');
            line.push(char::from(letter));
        }
    }
    if colours {
        line += "\x1b[0m";
    }
    line
}

/// The grey of the 256-colour palette, 232 to 255.
fn shade(value: u8) -> u16 {
    232 + u16::from(value) * 24 / 256
}

/// Drawings with a caption under each, one beside the other.
pub fn side_by_side(pictures: &[(Vec<String>, String)]) -> String {
    const WIDTH: usize = 28;
    let height = pictures.iter().map(|(lines, _)| lines.len()).max().unwrap_or(0);
    let mut text = String::new();
    for number in 0..height {
        let lines = pictures.iter().filter_map(|(lines, _)| lines.get(number));
        let lines: Vec<_> = lines.map(String::as_str).collect();
        text += lines.join("    ").trim_end();
        text.push('\n');
    }
    let captions = pictures.iter().map(|(_, caption)| format!("{caption:WIDTH$}"));
    text += captions.collect::<Vec<_>>().join("    ").trim_end();
    text.push('\n');
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::images::Shape;

    fn batch() -> Batch {
        let shape = Shape {
            height: 2,
            width: 3,
            channels: 1,
        };
        let pixels = vec![0, 0, 0, 0, 0, 0, 0, 128, 255, 0, 128, 255];
        Batch { shape, pixels }
    }

    #[test]
    fn two_rows_become_a_line_of_letters_from_dark_to_light() {
        assert_eq!(draw(&batch(), 1, false), Some(vec![" +@".to_owned()]));
        assert_eq!(draw(&batch(), 2, false), None);
    }

    #[test]
    fn with_colours_each_half_block_has_two_shades_and_the_line_resets_them() {
        let lines = draw(&batch(), 1, true).unwrap();
        let expected = "\x1b[38;5;232;48;5;232m▀\x1b[38;5;244;48;5;244m▀\x1b[38;5;255;48;5;255m▀\x1b[0m";
        assert_eq!(lines, [expected]);
    }
}
