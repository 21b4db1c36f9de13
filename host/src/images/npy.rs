//! NumPy's `.npy`: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.
//!
//! Only the header is read here, and only the form in which NumPy writes it: a Python dictionary with the three entries
//! descr, fortran_order and shape. So there is no parser of Python literals for a hostile file to play with.

use std::io::Read;

use super::pixels::{HeaderError, Layout};

/// The first bytes of every npy file.
pub const MAGIC: &[u8] = b"\x93NUMPY";

/// NumPy's own limit for headers that it did not write itself is 10,000.
const MAX_HEADER_BYTES: u64 = 65_535;

/// A header's description of the values behind it, which are in C order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The element type by NumPy's name, such as `|u1` or `<i8`.
    pub descr: String,
    /// The array's shape.
    pub dimensions: Vec<u64>,
}

/// Reads the header of an array of images; what remains in `reader` are the pixels.
pub fn layout(reader: &mut impl Read) -> Result<Layout, HeaderError> {
    header(reader)?.layout()
}

impl Header {
    /// The layout of images, if the array contains images.
    pub fn layout(&self) -> Result<Layout, HeaderError> {
        if self.descr.trim_start_matches(['|', '<', '>', '=']) != "u1" {
            return Err(HeaderError::ElementType(format!("'{}'", self.descr)));
        }
        Layout::from_dimensions(&self.dimensions)
    }
}

/// Reads the header; what remains in `reader` are the values.
pub fn header(reader: &mut impl Read) -> Result<Header, HeaderError> {
    let [_, _, _, _, _, _, version, _] = take::<8>(reader)?;
    let length = match version {
        1 => u64::from(u16::from_le_bytes(take(reader)?)),
        2 | 3 => u64::from(u32::from_le_bytes(take(reader)?)),
        _ => return Err(HeaderError::Npy("its version is none of 1, 2, 3")),
    };
    if length > MAX_HEADER_BYTES {
        return Err(HeaderError::Npy("it is longer than 65,535 bytes"));
    }
    let mut header = String::new();
    let read = reader.take(length).read_to_string(&mut header);
    match read {
        Ok(read) if read as u64 == length => parse(&header),
        Ok(_) => Err(HeaderError::CutShort),
        Err(_) => Err(HeaderError::Npy("it is not text")),
    }
}

fn take<const N: usize>(reader: &mut impl Read) -> Result<[u8; N], HeaderError> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes).map_err(|_| HeaderError::CutShort)?;
    Ok(bytes)
}

/// Such as `{'descr': '|u1', 'fortran_order': False, 'shape': (40, 28, 28), }`.
fn parse(header: &str) -> Result<Header, HeaderError> {
    let descr = entry(header, "'descr':")?;
    let descr = descr.strip_prefix('\'').and_then(|rest| rest.split_once('\''));
    let (descr, _) = descr.ok_or(HeaderError::ElementType("of several fields".to_owned()))?;
    if !entry(header, "'fortran_order':")?.starts_with("False") {
        return Err(HeaderError::Npy(
            "its values stand in Fortran order; save numpy.ascontiguousarray(array)",
        ));
    }
    let shape = entry(header, "'shape':")?;
    let shape = shape.strip_prefix('(').and_then(|rest| rest.split_once(')'));
    let (shape, _) = shape.ok_or(HeaderError::Npy("its shape is not a tuple"))?;
    let dimensions = shape.split(',').map(str::trim).filter(|number| !number.is_empty());
    let dimensions = dimensions
        .map(str::parse)
        .collect::<Result<Vec<u64>, _>>()
        .map_err(|_| HeaderError::Npy("its shape is not of whole numbers"))?;
    Ok(Header {
        descr: descr.to_owned(),
        dimensions,
    })
}

fn entry<'a>(header: &'a str, name: &str) -> Result<&'a str, HeaderError> {
    match header.split_once(name) {
        Some((_, value)) => Ok(value.trim_start()),
        None => Err(HeaderError::Npy("it lacks one of descr, fortran_order and shape")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::images::Shape;
    use proptest::prelude::*;

    fn file(version: u8, header: &str) -> Vec<u8> {
        let mut file = [MAGIC, &[version, 0]].concat();
        match version {
            1 => file.extend((header.len() as u16).to_le_bytes()),
            _ => file.extend((header.len() as u32).to_le_bytes()),
        }
        file.extend(header.as_bytes());
        file
    }

    fn read(header: &str) -> Result<Layout, HeaderError> {
        layout(&mut file(1, header).as_slice())
    }

    #[test]
    fn what_numpy_writes_is_read_in_every_version() {
        let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 28, 30), }     \n";
        let shape = Shape {
            height: 28,
            width: 30,
            channels: 1,
        };
        for version in 1..=3 {
            let file = file(version, header);
            assert_eq!(layout(&mut file.as_slice()), Ok(Layout { images: 3, shape }));
        }
    }

    #[test]
    fn one_image_and_images_with_channels_are_read() {
        let layout = read("{'descr': '|u1', 'fortran_order': False, 'shape': (28, 30), }").unwrap();
        assert_eq!((layout.images, layout.shape.to_string()), (1, "28x30x1".to_owned()));
        let layout = read("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 28, 30, 3), }").unwrap();
        assert_eq!((layout.images, layout.shape.to_string()), (2, "28x30x3".to_owned()));
    }

    #[test]
    fn what_is_not_bytes_in_rows_is_refused_with_the_reason() {
        let floats = read("{'descr': '<f4', 'fortran_order': False, 'shape': (28, 28), }");
        assert_eq!(floats, Err(HeaderError::ElementType("'<f4'".to_owned())));
        let fields = read("{'descr': [('a', '|u1')], 'fortran_order': False, 'shape': (28, 28), }");
        assert_eq!(fields, Err(HeaderError::ElementType("of several fields".to_owned())));
        let fortran = read("{'descr': '|u1', 'fortran_order': True, 'shape': (28, 28), }");
        assert!(matches!(fortran, Err(HeaderError::Npy(reason)) if reason.contains("Fortran")));
        let flat = read("{'descr': '|u1', 'fortran_order': False, 'shape': (784,), }");
        assert_eq!(flat, Err(HeaderError::Dimensions(vec![784])));
        let huge = read("{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999, 1), }");
        assert!(matches!(huge, Err(HeaderError::Npy(_))));
    }

    #[test]
    fn a_header_that_ends_early_is_cut_short() {
        let file = file(2, "{'descr': '|u1', 'fortran_order': False, 'shape': (28, 28), }");
        for length in 0..file.len() {
            assert_eq!(layout(&mut &file[..length]), Err(HeaderError::CutShort));
        }
    }

    #[test]
    fn an_absurd_header_length_is_refused_before_anything_is_read() {
        let mut file = [MAGIC, &[2, 0]].concat();
        file.extend(u32::MAX.to_le_bytes());
        assert!(matches!(layout(&mut file.as_slice()), Err(HeaderError::Npy(_))));
    }

    proptest! {
        /// NumPy's own, of any shape and element, and with a byte that is another.
        #[test]
        fn no_header_makes_it_panic(
            descr in "[|<>=]?u1|[^']{0,5}",
            sizes in prop::collection::vec(prop_oneof![0..4u64, any::<u64>(), Just(u64::MAX)], 0..6),
            version in 0u8..5,
            changed: Option<(prop::sample::Index, u8)>,
        ) {
            let sizes: String = sizes.iter().map(|size| format!("{size}, ")).collect();
            let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({sizes}), }}\n");
            let mut file = file(version, &header);
            if let Some((place, byte)) = changed {
                let place = place.index(file.len());
                file[place] = byte;
            }
            let _ = layout(&mut file.as_slice()).and_then(Layout::checked);
        }
    }
}
