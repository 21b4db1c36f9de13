//! What a picture is drawn with: areas, text in the built-in fonts, and other pictures.
//!
//! Whatever lies outside of the canvas is left out, so nothing here fails.

use std::convert::Infallible;

use embedded_graphics::Drawable;
use embedded_graphics::Pixel;
use embedded_graphics::draw_target::DrawTarget;
use embedded_graphics::geometry::{Dimensions, OriginDimensions, Point, Size};
use embedded_graphics::mono_font::iso_8859_1::{FONT_6X10, FONT_7X13, FONT_8X13, FONT_9X15_BOLD, FONT_10X20};
use embedded_graphics::mono_font::{MonoFont, MonoTextStyle};
use embedded_graphics::pixelcolor::{Rgb888, RgbColor};
use embedded_graphics::text::{Baseline, Text};
use image::{Rgb, RgbImage, imageops};

/// Red, green, blue.
pub type Colour = [u8; 3];

pub const WHITE: Colour = [255, 255, 255];
pub const BLACK: Colour = [24, 24, 27];
pub const GREY: Colour = [113, 113, 122];

/// Width and height are the same for all characters of a font.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Font {
    /// Numbers where there is little room.
    Tiny,
    /// Captions.
    Small,
    /// Labels and numbers.
    Plain,
    /// Heads.
    Bold,
    /// The title.
    Large,
}

impl Font {
    fn mono(self) -> &'static MonoFont<'static> {
        match self {
            Self::Tiny => &FONT_6X10,
            Self::Small => &FONT_7X13,
            Self::Plain => &FONT_8X13,
            Self::Bold => &FONT_9X15_BOLD,
            Self::Large => &FONT_10X20,
        }
    }

    /// Pixels from the top of a line to its bottom.
    pub fn height(self) -> u32 {
        self.mono().character_size.height
    }

    /// Pixels that a text takes.
    pub fn width(self, text: &str) -> u32 {
        let count = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        count.saturating_mul(self.mono().character_size.width)
    }
}

/// Something to draw on, white at first.
#[derive(Debug)]
pub struct Canvas(RgbImage);

impl Canvas {
    /// Of a size in pixels.
    pub fn new(width: u32, height: u32) -> Self {
        Self(RgbImage::from_pixel(width.max(1), height.max(1), Rgb(WHITE)))
    }

    /// What was drawn.
    pub fn into_image(self) -> RgbImage {
        self.0
    }

    /// Fills a rectangle.
    pub fn fill(&mut self, [x, y]: [u32; 2], [width, height]: [u32; 2], colour: Colour) {
        for y in y..y.saturating_add(height).min(self.0.height()) {
            for x in x..x.saturating_add(width).min(self.0.width()) {
                self.0.put_pixel(x, y, Rgb(colour));
            }
        }
    }

    /// Writes one line whose upper left corner is there.
    pub fn text(&mut self, [x, y]: [u32; 2], text: &str, font: Font, colour: Colour) {
        let [red, green, blue] = colour;
        let style = MonoTextStyle::new(font.mono(), Rgb888::new(red, green, blue));
        let start = Point::new(x.cast_signed(), y.cast_signed());
        let text = drawable(text);
        let Ok(_) = Text::with_baseline(&text, start, style, Baseline::Top).draw(self);
    }

    /// Writes one line upwards; its first letter stands at the lower left corner, which is there.
    pub fn text_upwards(&mut self, [x, y]: [u32; 2], text: &str, font: Font, colour: Colour) {
        let mut line = Self::new(font.width(text), font.height());
        line.text([0, 0], text, font, BLACK);
        let line = imageops::rotate270(&line.0);
        let top = y.saturating_sub(line.height());
        for (dx, dy, pixel) in line.enumerate_pixels() {
            if pixel.0 != WHITE {
                self.fill([x + dx, top + dy], [1, 1], colour);
            }
        }
    }

    /// Puts a picture there.
    pub fn paste(&mut self, [x, y]: [u32; 2], picture: &RgbImage) {
        imageops::overlay(&mut self.0, picture, x.into(), y.into());
    }
}

impl OriginDimensions for Canvas {
    fn size(&self) -> Size {
        Size::new(self.0.width(), self.0.height())
    }
}

impl DrawTarget for Canvas {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        let bounds = self.bounding_box();
        for Pixel(point, colour) in pixels {
            if bounds.contains(point) {
                let colour = Rgb([colour.r(), colour.g(), colour.b()]);
                self.0
                    .put_pixel(point.x.cast_unsigned(), point.y.cast_unsigned(), colour);
            }
        }
        Ok(())
    }
}

/// A text in which `?` stands for whatever the fonts lack, so that nothing vanishes.
fn drawable(text: &str) -> String {
    let known = |c: char| matches!(c, ' '..='~' | '\u{a1}'..='\u{ff}');
    text.chars().map(|c| if known(c) { c } else { '?' }).collect()
}

/// A text of at most so many characters; where some are left out, two dots say so.
pub fn shortened(text: &str, most: usize) -> String {
    match text.chars().count() > most {
        false => text.to_owned(),
        true => {
            let kept = most.saturating_sub(2);
            let kept = text.chars().take(kept);
            kept.chain("..".chars()).take(most).collect()
        }
    }
}

/// Between two colours: 0 is the first, 1 the second.
pub fn between(from: Colour, to: Colour, share: f64) -> Colour {
    let mut mixed = from;
    for (mixed, to) in mixed.iter_mut().zip(to) {
        let from = f64::from(*mixed);
        // Within a byte, since both ends are.
        *mixed = (from + (f64::from(to) - from) * share.clamp(0.0, 1.0)).round() as u8;
    }
    mixed
}

/// The colour for text on a ground.
pub fn readable_on([red, green, blue]: Colour) -> Colour {
    let light = 299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue);
    if light > 140_000 { BLACK } else { WHITE }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn dark(canvas: Canvas) -> usize {
        canvas.into_image().pixels().filter(|pixel| pixel.0 != WHITE).count()
    }

    fn written(text: &str) -> RgbImage {
        let mut canvas = Canvas::new(60, 20);
        canvas.text([1, 1], text, Font::Plain, BLACK);
        canvas.into_image()
    }

    #[test]
    fn what_the_fonts_lack_is_a_question_mark() {
        assert_eq!(written("a靴b"), written("a?b"));
        assert_eq!(written("\u{1b}\n"), written("??"));
        assert_ne!(written("é"), written("?"));
        assert_ne!(written("a"), written("b"));
    }

    #[test]
    fn text_upwards_is_the_same_text_turned() {
        let mut upwards = Canvas::new(20, 60);
        upwards.text_upwards([3, 50], "Shoe", Font::Plain, BLACK);
        let mut level = Canvas::new(60, 20);
        level.text([0, 0], "Shoe", Font::Plain, BLACK);
        assert_eq!(dark(upwards), dark(level));
    }

    #[test]
    fn what_lies_outside_is_left_out() {
        let mut canvas = Canvas::new(4, 4);
        canvas.fill([2, 2], [u32::MAX, 9], BLACK);
        canvas.text([u32::MAX, 100], "outside", Font::Large, BLACK);
        canvas.text_upwards([9, 0], "outside", Font::Large, BLACK);
        canvas.paste([100, 100], &RgbImage::new(3, 3));
        assert_eq!(dark(canvas), 4);
    }

    #[test]
    fn a_long_text_is_shortened_and_says_so() {
        assert_eq!(shortened("Trouser", 7), "Trouser");
        assert_eq!(shortened("T-shirt/top", 7), "T-shi..");
        assert_eq!(shortened("Füße und Schuhe", 6), "Füße..");
        assert_eq!(shortened("abc", 1), ".");
        assert_eq!(shortened("abc", 0), "");
    }

    #[test]
    fn colours_mix_and_text_stands_out() {
        assert_eq!(between(WHITE, [0, 100, 255], 0.5), [128, 178, 255]);
        assert_eq!(between(WHITE, BLACK, 7.0), BLACK);
        assert_eq!(readable_on(WHITE), BLACK);
        assert_eq!(readable_on([33, 90, 160]), WHITE);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text: String, x in 0u32..80, y in 0u32..80, most in 0usize..30) {
            let mut canvas = Canvas::new(40, 40);
            canvas.text([x, y], &text, Font::Small, BLACK);
            canvas.text_upwards([x, y], &shortened(&text, most), Font::Bold, GREY);
            prop_assert!(shortened(&text, most).chars().count() <= most);
        }
    }
}
