use super::*;

const GREY: ImageShape = ImageShape {
    height: 2,
    width: 3,
    channels: 1,
};
const COLOUR: ImageShape = ImageShape {
    height: 2,
    width: 3,
    channels: 3,
};

fn prepare(fit: Fit, invert: Invert) -> Prepare {
    Prepare {
        fit,
        invert,
        ..Prepare::default()
    }
}

const fn upright(width: usize, height: usize, channels: usize) -> Source {
    Source {
        width,
        height,
        channels,
        orientation: Orientation::NoTransforms,
    }
}

fn prepared(source: Source, pixels: &[u8], prepare: &Prepare, image: ImageShape) -> Prepared {
    let mut preparation = Preparation::new(source, prepare, image);
    // From the last row to the first, since the order makes no difference.
    let rows = pixels.chunks_exact(source.width * source.channels);
    for (row, pixels) in rows.enumerate().rev() {
        preparation.add(row, pixels);
    }
    preparation.finish()
}

fn transparent(pixels: &[u8], channels: usize) -> Vec<u8> {
    let mut transparent = Transparent::new(upright(3, 2, channels), &Prepare::default(), GREY);
    for (row, pixels) in pixels.chunks_exact(3 * (channels + 1)).enumerate() {
        transparent.add(row, pixels);
    }
    transparent.finish().values
}

#[test]
fn pixels_of_the_right_size_are_left_alone() {
    let prepared = prepared(upright(3, 2, 1), &[0, 1, 2, 3, 4, 255], &Prepare::default(), GREY);
    assert_eq!(prepared.values, [0, 1, 2, 3, 4, 255]);
}

#[test]
fn every_pixel_counts_when_a_picture_shrinks() {
    let stripes: Vec<u8> = (0..300 * 200)
        .map(|pixel| if pixel % 2 == 0 { 0 } else { 200 })
        .collect();
    for value in prepared(upright(300, 200, 1), &stripes, &Prepare::default(), GREY).values {
        assert!(value.abs_diff(100) <= 4, "{value}");
    }
}

#[test]
fn grey_becomes_colour_and_colour_grey_by_its_luma() {
    assert_eq!(
        prepared(upright(3, 2, 1), &[77; 6], &Prepare::default(), COLOUR).values,
        [77; 18]
    );
    assert_eq!(
        prepared(upright(3, 2, 3), &[90; 18], &Prepare::default(), GREY).values,
        [90; 6]
    );
    assert_eq!([luma([255, 0, 0]), luma([0, 255, 0]), luma([0, 0, 255])], [54, 182, 18]);
    assert_eq!([luma([255; 3]), luma([0; 3])], [255, 0]);
}

#[test]
fn what_is_transparent_shows_black() {
    assert_eq!(transparent(&[200, 0].repeat(6), 1), [0; 6]);
    assert_eq!(transparent(&[200, 128].repeat(6), 1), [100; 6]);
    assert_eq!(transparent(&[200, 200, 200, 128].repeat(6), 3), [100; 6]);
}

#[test]
fn what_is_dark_and_transparent_is_taken_as_ink() {
    let shape = [0, 10, 0, 20, 0, 30, 0, 40, 0, 50, 0, 255];
    assert_eq!(transparent(&shape, 1), [10, 20, 30, 40, 50, 255]);
    let dark_blue: Vec<u8> = [10, 20, 0, 255].iter().flat_map(|alpha| [0, 0, 40, *alpha]).collect();
    let ink = transparent(&[dark_blue, vec![0; 8]].concat(), 3);
    assert!(ink[0] >= 9 && ink[3] > 240 && ink[5] == 0, "{ink:?}");
}

#[test]
fn light_and_dark_change_places_within_a_shape_and_around_it_stays_black() {
    let pixels = [90, 255, 90, 0, 90, 255, 90, 0, 90, 255, 90, 0];
    let mut cut_out = Transparent::new(upright(3, 2, 1), &prepare(Fit::Stretch, Invert::Always), GREY);
    for (row, pixels) in pixels.chunks_exact(6).enumerate() {
        cut_out.add(row, pixels);
    }
    assert_eq!(cut_out.finish().values, [165, 0, 165, 0, 165, 0]);
}

#[test]
fn it_makes_no_difference_whether_a_picture_turns_grey_first_or_is_exchanged() {
    for red in 0..=255 {
        for colour in [[red, 7, 255 - red], [0, red, 99], [red / 3, red / 2, red]] {
            assert_eq!(luma(colour.map(|value| 255 - value)), 255 - luma(colour), "{colour:?}");
        }
    }
}

#[test]
fn what_is_dark_and_opaque_stays_dark_and_what_is_light_somewhere_stays_on_black() {
    assert_eq!(transparent(&[7, 255].repeat(6), 1), [7; 6]);
    let light_somewhere = [0, 255, 0, 0, 64, 255, 0, 0, 0, 0, 0, 0];
    assert_eq!(transparent(&light_somewhere, 1), [0, 0, 64, 0, 0, 0]);
}

#[test]
fn light_and_dark_change_places_where_that_is_asked_for_or_the_border_is_light() {
    let framed = |border: u8, within: u8| {
        let pixels: Vec<u8> = (0..16)
            .map(|pixel| match (pixel % 4, pixel / 4) {
                (1 | 2, 1 | 2) => within,
                _ => border,
            })
            .collect();
        pixels
    };
    let image = ImageShape {
        height: 4,
        width: 4,
        channels: 1,
    };
    let corner_and_middle = |pixels: &[u8], invert| {
        let prepared = prepared(upright(4, 4, 1), pixels, &prepare(Fit::Stretch, invert), image);
        (prepared.values[0], prepared.values[5], prepared.has_light_border)
    };
    assert_eq!(corner_and_middle(&framed(250, 0), Invert::Auto), (5, 255, false));
    assert_eq!(corner_and_middle(&framed(10, 255), Invert::Auto), (10, 255, false));
    assert_eq!(corner_and_middle(&framed(10, 255), Invert::Always), (245, 0, false));
    assert_eq!(corner_and_middle(&framed(250, 0), Invert::Never), (250, 0, false));
    assert_eq!(corner_and_middle(&framed(250, 0), Invert::Unsaid), (250, 0, true));
    assert_eq!(corner_and_middle(&framed(10, 255), Invert::Unsaid), (10, 255, false));
    assert_eq!(corner_and_middle(&framed(128, 0), Invert::Auto), (127, 255, false));
    assert_eq!(corner_and_middle(&framed(127, 0), Invert::Auto), (127, 0, false));
}

#[test]
fn a_wide_picture_gets_margins_or_is_cut_to_its_middle_or_is_stretched() {
    let wide: Vec<u8> = [100, 100, 200, 200, 200, 200, 100, 100].repeat(4);
    let image = ImageShape {
        height: 4,
        width: 4,
        channels: 1,
    };
    let values = |fit, invert| prepared(upright(8, 4, 1), &wide, &prepare(fit, invert), image).values;
    assert_eq!(values(Fit::Crop, Invert::Never), [200; 16]);
    // The first row is margin, 140 as the mean of the border, and takes in a little of the picture.
    assert_eq!(values(Fit::Contain, Invert::Never)[..4], [136, 147, 147, 136]);
    assert_eq!(values(Fit::Contain, Invert::Always)[..4], [119, 108, 108, 119]);
    assert!(values(Fit::Stretch, Invert::Never).iter().all(|value| *value >= 100));
}

/// Wide, with one colour all around another.
fn framed(border: &[u8], within: &[u8]) -> Vec<u8> {
    let is_within = |pixel: usize| (1..7).contains(&(pixel % 8)) && (1..3).contains(&(pixel / 8));
    let pixels = (0..8 * 4).map(|pixel| if is_within(pixel) { within } else { border });
    pixels.collect::<Vec<_>>().concat()
}

#[test]
fn margins_go_on_with_the_border_and_are_inverted_with_it() {
    let image = ImageShape {
        height: 8,
        width: 8,
        channels: 1,
    };
    let margins = |border: u8, within: u8, invert| {
        let prepare = prepare(Fit::Contain, invert);
        let values = prepared(upright(8, 4, 1), &framed(&[border], &[within]), &prepare, image).values;
        // Two rows above the picture, two below, and the border between.
        assert_eq!(values[..24], [values[0]; 24]);
        assert_eq!(values[40..], [values[0]; 24]);
        values[0]
    };
    assert_eq!(margins(240, 20, Invert::Auto), 15);
    assert_eq!(margins(240, 20, Invert::Never), 240);
    assert_eq!(margins(10, 200, Invert::Auto), 10);
    assert_eq!(margins(10, 200, Invert::Always), 245);
    let paper = framed(&[250, 246, 238], &[20, 30, 40]);
    let colour = ImageShape { channels: 3, ..image };
    let seen = |invert| prepared(upright(8, 4, 3), &paper, &prepare(Fit::Contain, invert), colour).values;
    assert_eq!(seen(Invert::Never)[..3], [250, 246, 238]);
    assert_eq!(seen(Invert::Auto)[..3], [5, 9, 17]);
}

#[test]
fn an_uneven_border_has_margins_in_its_mean_colour() {
    let lit_from_the_left: Vec<u8> = (0..32).map(|pixel| 250 - 10 * (pixel % 8)).collect();
    let image = ImageShape {
        height: 8,
        width: 8,
        channels: 1,
    };
    let prepare = prepare(Fit::Contain, Invert::Never);
    let values = prepared(upright(8, 4, 1), &lit_from_the_left, &prepare, image).values;
    assert_eq!(values[..8], [215; 8]);
}

#[test]
fn margins_around_what_is_transparent_are_black_inverted_or_not() {
    let image = ImageShape {
        height: 8,
        width: 8,
        channels: 1,
    };
    for invert in [Invert::Never, Invert::Auto, Invert::Always] {
        let mut cut_out = Transparent::new(upright(8, 4, 1), &prepare(Fit::Contain, invert), image);
        for (row, pixels) in framed(&[255, 0], &[90, 255]).chunks_exact(16).enumerate() {
            cut_out.add(row, pixels);
        }
        assert_eq!(cut_out.finish().values[..24], [0; 24], "{invert:?}");
    }
}

#[test]
fn a_tall_picture_is_cut_to_its_middle_and_one_of_a_single_pixel_fits() {
    let tall: Vec<u8> = (0..14).map(|pixel| pixel / 2 * 10).collect();
    let image = ImageShape {
        height: 2,
        width: 2,
        channels: 1,
    };
    let middle = prepared(upright(2, 7, 1), &tall, &prepare(Fit::Crop, Invert::Never), image);
    assert_eq!(middle.values, [30, 30, 40, 40]);
    for fit in [Fit::Contain, Fit::Crop, Fit::Stretch] {
        let one = prepared(upright(1, 1, 1), &[5], &prepare(fit, Invert::Never), image);
        assert_eq!(one.values, [5; 4]);
    }
}

/// The page does the same to a picture before it asks the component: `browser/test/unit/picture.test.js` has the same
/// picture, and the same sums.
#[test]
fn a_picture_becomes_what_the_page_makes_of_it_to_the_last_bit() {
    let mut state = 77u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let noise: Vec<u8> = (0..97 * 53 * 4).map(|_| next()).collect();
    let opaque: Vec<u8> = noise.chunks_exact(4).flat_map(|pixel| pixel[..3].to_vec()).collect();
    let sums = |fit, invert, channels| {
        let image = ImageShape {
            height: 28,
            width: 28,
            channels,
        };
        let source = upright(97, 53, 3);
        let mut cut_out = Transparent::new(source, &prepare(fit, invert), image);
        for (row, pixels) in noise.chunks_exact(97 * 4).enumerate() {
            cut_out.add(row, pixels);
        }
        let opaque = prepared(source, &opaque, &prepare(fit, invert), image);
        [opaque, cut_out.finish()].map(|prepared| {
            prepared.values.iter().fold(2_166_136_261u32, |sum, value| {
                (sum ^ u32::from(*value)).wrapping_mul(16_777_619)
            })
        })
    };
    assert_eq!(sums(Fit::Stretch, Invert::Never, 1), [3_770_686_260, 3_052_092_630]);
    assert_eq!(sums(Fit::Stretch, Invert::Never, 3), [4_122_348_451, 2_294_401_093]);
    assert_eq!(sums(Fit::Contain, Invert::Always, 1), [1_151_281_241, 1_053_514_827]);
    assert_eq!(sums(Fit::Contain, Invert::Never, 3), [4_229_726_092, 2_231_201_062]);
    assert_eq!(sums(Fit::Crop, Invert::Auto, 1), [1_206_114_570, 1_254_660_918]);
}
