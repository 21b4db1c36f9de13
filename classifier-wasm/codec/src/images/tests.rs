//! Shapes, ranges and layouts: what is images, and what is refused.

use super::*;

const GREY: ImageShape = ImageShape {
    height: 28,
    width: 28,
    channels: 1,
};
const COLOUR: ImageShape = ImageShape {
    height: 4,
    width: 5,
    channels: 3,
};

#[test]
fn every_documented_shape_is_counted() {
    let (last, first) = (Layout::ChannelsLast, Layout::ChannelsFirst);
    for (shape, expected) in [
        (&[40, 28, 28, 1][..], 40),
        (&[40, 1, 28, 28], 40),
        (&[3, 28, 28], 3),
        (&[1, 28, 28], 1),
        (&[28, 28, 1], 1),
        (&[28, 28], 1),
        (&[40, 784], 40),
        (&[784], 1),
    ] {
        let (count, layout) = GREY.count(shape).unwrap();
        assert_eq!(count, expected, "{shape:?}");
        // Of one channel it makes no difference.
        assert_eq!(layout.arrange(vec![1, 2].into(), GREY), vec![1, 2].into(), "{shape:?}");
    }
    assert_eq!(COLOUR.count(&[2, 4, 5, 3]).unwrap(), (2, last));
    assert_eq!(COLOUR.count(&[4, 5, 3]).unwrap(), (1, last));
    assert_eq!(COLOUR.count(&[2, 3, 4, 5]).unwrap(), (2, first));
    assert_eq!(COLOUR.count(&[3, 4, 5]).unwrap(), (1, first));
}

#[test]
fn other_shapes_are_refused_and_named() {
    for shape in [
        &[][..],
        &[785],
        &[28, 27],
        &[28, 1, 28],
        &[1, 28, 28, 3],
        &[1, 1, 28, 28, 1],
    ] {
        assert_eq!(GREY.count(shape).unwrap_err().code, Code::BadShape, "{shape:?}");
    }
    // Flat colours may have their channels first or last.
    for shape in [&[2, 4, 5][..], &[2, 60], &[60]] {
        assert_eq!(COLOUR.count(shape).unwrap_err().code, Code::BadShape, "{shape:?}");
    }
    let detail = GREY.count(&[10, 32, 32]).unwrap_err().detail;
    assert_eq!(detail, "shape (10, 32, 32) does not fit the model: send (N, 28, 28, 1)");
}

#[test]
fn no_images_and_too_many_are_refused() {
    assert_eq!(GREY.count(&[0, 28, 28]).unwrap_err().code, Code::Empty);
    assert_eq!(GREY.count(&[4096, 28, 28]).unwrap().0, 4096);
    assert_eq!(GREY.count(&[4097, 28, 28]).unwrap_err().code, Code::TooManyImages);
    assert_eq!(GREY.count(&[usize::MAX, 28, 28]).unwrap_err().code, Code::TooManyImages);
}

#[test]
fn channels_that_come_first_are_put_last() {
    let tiny = ImageShape {
        height: 1,
        width: 2,
        channels: 3,
    };
    let planes = vec![1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16];
    let pixels = vec![1, 3, 5, 2, 4, 6, 11, 13, 15, 12, 14, 16];
    let as_floats = |values: &Vec<u8>| Pixels::F32(Pixels::from(values.clone()).into_floats());
    for (planes, pixels) in [(as_floats(&planes), as_floats(&pixels)), (planes.into(), pixels.into())] {
        assert_eq!(Layout::ChannelsFirst.arrange(planes.clone(), tiny), pixels);
        assert_eq!(Layout::ChannelsLast.arrange(planes.clone(), tiny), planes);
    }
    // Where both fit, they are last, as the contract has them.
    let square = ImageShape {
        height: 3,
        width: 3,
        ..tiny
    };
    assert_eq!(square.count(&[1, 3, 3, 3]).unwrap(), (1, Layout::ChannelsLast));
}

#[test]
fn a_model_of_large_images_takes_fewer_of_them() {
    let large = ImageShape {
        height: 224,
        width: 224,
        channels: 3,
    };
    assert_eq!(large.max_images(), 111);
}

#[test]
fn a_value_outside_the_pixel_range_is_found_and_placed() {
    let mut values = vec![0.0; 2 * GREY.values()];
    values[784 + 28 + 2] = 256.0;
    let reject = Images::new(GREY, 2, values.clone()).unwrap_err();
    assert_eq!(reject.code, Code::OutOfRange);
    assert!(
        reject.detail.starts_with("value 256 in image 1 at row 1, column 2"),
        "{reject}"
    );
    for (value, code) in [
        (-0.5, Code::OutOfRange),
        (f32::NAN, Code::NotFinite),
        (f32::INFINITY, Code::NotFinite),
    ] {
        values[784 + 28 + 2] = value;
        assert_eq!(Images::new(GREY, 2, values.clone()).unwrap_err().code, code);
    }
}

#[test]
fn what_is_tried_on_a_model_may_be_of_any_range_and_must_be_finite() {
    let values = vec![-1.0; GREY.values()];
    assert!(Images::of_any_range(GREY, 1, values.clone()).is_ok());
    for value in [f32::NAN, f32::NEG_INFINITY] {
        let values = [&values[1..], &[value]].concat();
        assert_eq!(Images::of_any_range(GREY, 1, values).unwrap_err().code, Code::NotFinite);
    }
    assert_eq!(Images::of_any_range(GREY, 2, values).unwrap_err().code, Code::BadShape);
}

#[test]
fn bytes_are_checked_like_floats_and_are_the_same_numbers() {
    let bytes: Vec<u8> = (0..2 * GREY.values()).map(|at| (at % 256) as u8).collect();
    let floats = Pixels::from(bytes.clone()).into_floats();
    let [narrow, wide] = [
        Images::new(GREY, 2, bytes.clone()).unwrap(),
        Images::new(GREY, 2, floats.clone()).unwrap(),
    ];
    assert_eq!(narrow.pixels(), &Pixels::U8(bytes.clone()));
    assert_eq!(narrow.values(), wide.values());
    assert!(narrow.iter().eq(wide.iter()) && narrow.iter().count() == 2);
    for count in [0, 1, 3] {
        let reject = Images::new(GREY, count, bytes.clone()).unwrap_err();
        assert_eq!(reject, Images::new(GREY, count, floats.clone()).unwrap_err());
    }
    let reject = Images::of_unit_range(GREY, 2, bytes).unwrap_err();
    assert_eq!(reject, Images::of_unit_range(GREY, 2, floats).unwrap_err());
    assert_eq!(reject.code, Code::OutOfRange);
    let bits = Images::of_unit_range(GREY, 1, vec![1; 784]).unwrap();
    assert_eq!(bits.values(), [255.0; 784]);
}

#[test]
fn values_that_do_not_fill_the_images_are_refused() {
    assert_eq!(Images::new(GREY, 2, vec![0.0; 784]).unwrap_err().code, Code::BadShape);
    assert_eq!(Images::new(GREY, 0, Pixels::U8(vec![])).unwrap_err().code, Code::Empty);
    assert_eq!(
        Images::new(GREY, 5000, Pixels::U8(vec![])).unwrap_err().code,
        Code::TooManyImages
    );
}
