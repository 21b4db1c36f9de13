//! GIF: the first frame, where it lies on its screen.

use gif::{ColorOutput, DecodeOptions, Decoder, DecodingError};
use image::metadata::Orientation;

use super::fault::{bad, cut_short, damaged};
use crate::decode::Reader;
use crate::preprocess::{Prepared, Rows, Source};
use crate::reject::Reject;

/// Reads `body`, and tells whether there are more frames.
pub fn decode(body: &[u8], reader: &mut Reader) -> Result<(Prepared, bool), Reject> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    let mut decoder = options.read_info(body).map_err(refused)?;
    let frame = decoder
        .next_frame_info()
        .map_err(refused)?
        .ok_or_else(|| bad("a GIF without a frame: there is nothing to see in it"))?;
    let (left, top) = (usize::from(frame.left), usize::from(frame.top));
    let (across, down) = (usize::from(frame.width), usize::from(frame.height));
    let transparent = frame.transparent;
    // The size of the screen may be wrong, and is 0 in some files.
    let width = usize::from(decoder.width()).max(left + across);
    let height = usize::from(decoder.height()).max(top + down);
    reader.admit(width, height)?;
    let mut indices = vec![0; across * down];
    decoder.read_into_buffer(&mut indices).map_err(refused)?;
    let colours = colours(&decoder, transparent).map_err(refused)?;

    let source = Source {
        width,
        height,
        channels: 3,
        orientation: Orientation::NoTransforms,
    };
    let mut rows = Rows::new(source, true, reader.prepare, reader.image);
    let mut frame = indices.chunks_exact(across.max(1));
    let nothing = [0; 4];
    for row in 0..height {
        let indices = if (top..top + down).contains(&row) {
            frame.next()
        } else {
            None
        };
        let places = indices.unwrap_or_default().iter();
        let pixels = places.map(|index| colours.get(usize::from(*index)).unwrap_or(&nothing));
        let before = std::iter::repeat_n(&nothing, left);
        let pixels: Vec<u8> = before
            .chain(pixels)
            .chain(std::iter::repeat(&nothing))
            .take(width)
            .flatten()
            .copied()
            .collect();
        rows.add(row, &pixels);
    }
    // The file may be incomplete after the first frame.
    let has_more_frames = matches!(decoder.next_frame_info(), Ok(Some(_)));
    Ok((rows.finish(), has_more_frames))
}

/// The colour of each index, with how opaque it is.
fn colours(decoder: &Decoder<&[u8]>, transparent: Option<u8>) -> Result<Vec<[u8; 4]>, DecodingError> {
    let palette = decoder.palette()?.as_chunks::<3>().0.iter();
    let colours = palette.enumerate().map(|(index, [red, green, blue])| {
        let is_transparent = transparent.is_some_and(|transparent| usize::from(transparent) == index);
        match is_transparent {
            true => [0; 4],
            false => [*red, *green, *blue, u8::MAX],
        }
    });
    Ok(colours.collect())
}

fn refused(error: DecodingError) -> Reject {
    match error {
        DecodingError::UnexpectedEof | DecodingError::EndCodeNotFound | DecodingError::Io(_) => cut_short("GIF"),
        error => damaged("GIF", error),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use gif::{DisposalMethod, Encoder, Frame};

    use super::super::tests::{gradient, refused, seen};
    use crate::reject::Code;
    use crate::warning::Warning;

    const GREYS: usize = 256;

    fn palette() -> Vec<u8> {
        (0..GREYS).flat_map(|grey| [grey as u8; 3]).collect()
    }

    fn file(screen: (u16, u16), frames: &[Frame]) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = Encoder::new(&mut file, screen.0, screen.1, &palette()).unwrap();
        frames.iter().for_each(|frame| encoder.write_frame(frame).unwrap());
        drop(encoder);
        file
    }

    fn frame(indices: Vec<u8>) -> Frame<'static> {
        Frame {
            width: 28,
            height: 28,
            buffer: indices.into(),
            dispose: DisposalMethod::Keep,
            ..Frame::default()
        }
    }

    #[test]
    fn the_first_frame_is_taken_and_others_are_told() {
        let grey = gradient(28).into_raw();
        let expected: Vec<f32> = grey.iter().copied().map(f32::from).collect();
        let one = file((28, 28), &[frame(grey.clone())]);
        assert_eq!(seen(&one), (expected.clone(), vec![]));
        let two = file((28, 28), &[frame(grey.clone()), frame(vec![7; 784])]);
        assert_eq!(seen(&two), (expected.clone(), vec![Warning::FirstFrameOnly]));
        let interlaced = Frame {
            interlaced: true,
            // The rows as an interlaced frame has them.
            buffer: [(0, 8), (4, 8), (2, 4), (1, 2)]
                .into_iter()
                .flat_map(|(top, down)| (top..28).step_by(down))
                .flat_map(|row| grey[row * 28..][..28].to_vec())
                .collect(),
            ..frame(vec![])
        };
        assert_eq!(seen(&file((28, 28), &[interlaced])).0, expected);
    }

    #[test]
    fn a_frame_lies_where_it_says_and_what_is_transparent_shows_black() {
        let mut part = frame(vec![200; 100]);
        (part.width, part.height, part.left, part.top) = (10, 10, 9, 5);
        part.buffer.to_mut()[0] = 3;
        part.transparent = Some(3);
        let (values, _) = seen(&file((28, 28), &[part]));
        assert_eq!((values[0], values[5 * 28 + 9], values[5 * 28 + 10]), (0.0, 0.0, 200.0));
        assert_eq!(
            (values[14 * 28 + 18], values[15 * 28 + 18], values[14 * 28 + 19]),
            (200.0, 0.0, 0.0)
        );
    }

    #[test]
    fn a_file_cut_short_or_of_too_many_pixels_is_refused() {
        let whole = file((28, 28), &[frame(gradient(28).into_raw())]);
        for length in [6, 13, 13 + 768 + 5, whole.len() / 2 + 400] {
            let said = refused(&whole[..length]).to_string();
            assert_eq!(
                said, "bad-image: this GIF is cut short: send the whole file",
                "{length}"
            );
        }
        let mut large = whole;
        large[6..10].fill(0xff);
        assert_eq!(refused(&large).code, Code::TooLarge);
    }
}
