//! The evaluation as one picture: the confusion matrix, and beside it the most confidently wrong answers.

mod canvas;
mod heat_map;
mod thumbnail;

use std::io::Cursor;

use image::{ImageFormat, ImageResult, RgbImage};

use self::canvas::{BLACK, Canvas, Colour, Font, GREY, shortened};
use self::heat_map::HeatMap;
use self::thumbnail::SIDE;
pub use self::thumbnail::Thumbnail;
use super::{Evaluation, Look, Mistake};

const MARGIN: u32 = 28;
/// Of a caption.
const MOST_CHARACTERS: usize = 20;
const CAPTION: u32 = 14;
/// Width and height of a mistake, with its captions and the space around them.
const TILE: [u32; 2] = [152, SIDE + 3 * CAPTION + 24];
/// A heat map that is wider has the mistakes under it.
const WIDEST_BESIDE: u32 = 1_200;
/// Of mistakes, where they are under the heat map.
const MOST_ACROSS: u32 = 12;
/// A longer title is shortened, unless what is under it is wider.
const WIDEST_TITLE: u32 = 1_200;
const RED: Colour = [176, 24, 30];
const FRAME: Colour = [228, 228, 231];

/// Draws it all. `title` and `subtitle` stand above; labels are the model's.
pub fn draw(evaluation: &Evaluation, labels: &[String], title: &str, subtitle: &str) -> RgbImage {
    let map = HeatMap::new(&evaluation.tally, labels);
    let [map_width, map_height] = map.size();
    let head = MARGIN + Font::Large.height() + 8 + Font::Plain.height() + MARGIN;
    let mistakes = &evaluation.mistakes;
    let count = mistakes.len() as u32;
    let [tile_width, tile_height] = TILE;
    let is_beside = map_width <= WIDEST_BESIDE;
    let across = match is_beside {
        // As many rows as are about as high as the heat map.
        true => count.div_ceil(map_height.div_ceil(tile_height).max(1)),
        false => MOST_ACROSS.min((map_width / tile_width).max(1)),
    };
    let down = count.div_ceil(across.max(1));
    let wrong_width = (across * tile_width).max(Font::Plain.width(HEAD));
    let wrong_height = Font::Bold.height() + Font::Plain.height() + 14 + down * tile_height;
    let (corner, size) = match is_beside {
        true => (
            [2 * MARGIN + map_width, head],
            [
                3 * MARGIN + map_width + wrong_width,
                head + map_height.max(wrong_height),
            ],
        ),
        false => (
            [MARGIN, head + map_height + MARGIN],
            [
                2 * MARGIN + map_width.max(wrong_width),
                head + map_height + MARGIN + wrong_height,
            ],
        ),
    };
    let [width, height] = size;
    let titles = Font::Large.width(title).max(Font::Plain.width(subtitle));
    let width = width.max(titles.min(WIDEST_TITLE) + 2 * MARGIN);
    let mut canvas = Canvas::new(width, height + MARGIN);
    let line = |font: Font| usize::try_from((width - 2 * MARGIN) / font.width("x")).unwrap_or(0);
    canvas.text([MARGIN; 2], &shortened(title, line(Font::Large)), Font::Large, BLACK);
    let under = [MARGIN, MARGIN + Font::Large.height() + 8];
    canvas.text(under, &shortened(subtitle, line(Font::Plain)), Font::Plain, GREY);
    map.draw(&mut canvas, [MARGIN, head]);
    draw_mistakes(&mut canvas, corner, mistakes, labels, across);
    canvas.into_image()
}

const HEAD: &str = "what it is, -> what was answered, and how sure the model was";

fn draw_mistakes(canvas: &mut Canvas, [left, top]: [u32; 2], mistakes: &[Mistake], labels: &[String], across: u32) {
    let title = match mistakes.len() {
        0 => "No wrong answer".to_owned(),
        count => format!("The {count} most confidently wrong answers"),
    };
    canvas.text([left, top], &title, Font::Bold, BLACK);
    if mistakes.is_empty() {
        return;
    }
    let below = top + Font::Bold.height() + 2;
    canvas.text([left, below], HEAD, Font::Plain, GREY);
    let first = below + Font::Plain.height() + 12;
    let [width, height] = TILE;
    for (number, mistake) in (0..).zip(mistakes) {
        let (row, column) = (number / across.max(1), number % across.max(1));
        draw_mistake(canvas, [left + column * width, first + row * height], mistake, labels);
    }
}

fn draw_mistake(canvas: &mut Canvas, [x, y]: [u32; 2], mistake: &Mistake, labels: &[String]) {
    let thumbnail = match &mistake.look {
        Some(Look::Thumbnail(thumbnail)) => Some(thumbnail.clone()),
        Some(Look::File(path)) => Thumbnail::of_file(path),
        None => None,
    };
    match &thumbnail {
        Some(thumbnail) => {
            let image = thumbnail.image();
            canvas.fill([x, y], [image.width() + 2, image.height() + 2], FRAME);
            canvas.paste([x + 1, y + 1], image);
        }
        None => {
            canvas.fill([x, y], [SIDE; 2], FRAME);
            canvas.text([x + SIDE / 2 - 4, y + SIDE / 2 - 8], "?", Font::Bold, GREY);
        }
    }
    let shown = thumbnail.map_or(SIDE, |thumbnail| thumbnail.image().height());
    let label = |class: u32| labels.get(class as usize).map_or("?", String::as_str);
    let score = mistake
        .score
        .map_or_else(String::new, |score| format!("{:.1} %, ", score * 100.0));
    let captions = [
        (label(mistake.class).to_owned(), BLACK),
        (format!("-> {}", label(mistake.answered)), RED),
        (format!("{score}{}", mistake.image), GREY),
    ];
    for (number, (caption, colour)) in (0..).zip(captions) {
        let caption = shortened(&caption, MOST_CHARACTERS);
        canvas.text([x, y + shown + 6 + number * CAPTION], &caption, Font::Small, colour);
    }
}

/// The picture as a PNG file.
pub fn png(picture: &RgbImage) -> ImageResult<Vec<u8>> {
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, ImageFormat::Png)?;
    Ok(file.into_inner())
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
            image: ImageName::File("靴/\u{202e}1.png".to_owned()),
            class: 0,
            answered: 70_000,
            score: Some(f32::MAX),
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
    fn it_is_a_png_of_a_sensible_size_whatever_there_is_to_show() {
        for (classes, mistakes, longest) in [
            (0, 0, 1_300),
            (1, 1, 1_300),
            (10, 40, 2_600),
            (30, 40, 2_300),
            (900, 40, 2_600),
        ] {
            let labels: Vec<_> = (0..classes)
                .map(|class| format!("{class} \u{1f45f} {}", "x".repeat(200)))
                .collect();
            let title = "t".repeat(if classes == 900 { 100_000 } else { 30 });
            let picture = draw(&evaluation(classes, mistakes), &labels, &title, &title);
            let file = png(&picture).unwrap();
            let read = image::load_from_memory_with_format(&file, ImageFormat::Png).unwrap();
            assert_eq!(read.to_rgb8(), picture);
            let (width, height) = picture.dimensions();
            assert!(
                width <= longest && height <= longest,
                "{classes} classes: {width} x {height}"
            );
        }
    }

    #[test]
    fn each_mistake_is_drawn() {
        let grey = |mistakes| {
            let picture = draw(&evaluation(10, mistakes), &[], "title", "subtitle");
            picture.pixels().filter(|pixel| pixel.0 == [9; 3]).count()
        };
        assert_eq!((grey(0), grey(1), grey(40)), (0, 112 * 112, 40 * 112 * 112));
    }
}
