//! IDX, the format of MNIST and Fashion-MNIST: <https://yann.lecun.com/exdb/mnist/>.
//!
//! Two zero bytes, the element type, the number of dimensions, then each dimension as a big-endian u32.

use std::io::Read;

use super::pixels::{HeaderError, Layout};

/// The first bytes of every IDX file.
pub const MAGIC: &[u8] = &[0, 0];

const UNSIGNED_BYTE: u8 = 0x08;

/// Reads the header of a file of images; what remains in `reader` are the pixels.
pub fn layout(reader: &mut impl Read) -> Result<Layout, HeaderError> {
    Layout::from_dimensions(&dimensions(reader)?)
}

/// Reads the header of a file of bytes; what remains in `reader` are its values.
pub fn dimensions(reader: &mut impl Read) -> Result<Vec<u64>, HeaderError> {
    let [_, _, element, dimensions] = take(reader)?;
    if element != UNSIGNED_BYTE {
        return Err(HeaderError::ElementType(format!("0x{element:02x}")));
    }
    (0..dimensions)
        .map(|_| take(reader).map(|bytes| u64::from(u32::from_be_bytes(bytes))))
        .collect()
}

fn take(reader: &mut impl Read) -> Result<[u8; 4], HeaderError> {
    let mut bytes = [0; 4];
    reader.read_exact(&mut bytes).map_err(|_| HeaderError::CutShort)?;
    Ok(bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::images::Shape;
    use proptest::prelude::*;

    #[test]
    fn the_header_of_the_test_images_is_read() {
        let header = [0, 0, 8, 3, 0, 0, 0x27, 0x10, 0, 0, 0, 28, 0, 0, 0, 28];
        let shape = Shape {
            height: 28,
            width: 28,
            channels: 1,
        };
        assert_eq!(layout(&mut &header[..]), Ok(Layout { images: 10_000, shape }));
    }

    #[test]
    fn labels_and_floats_are_not_images() {
        let labels = [0, 0, 8, 1, 0, 0, 0x27, 0x10];
        assert_eq!(layout(&mut &labels[..]), Err(HeaderError::Dimensions(vec![10_000])));
        let floats = [0, 0, 0x0d, 3];
        assert_eq!(
            layout(&mut &floats[..]),
            Err(HeaderError::ElementType("0x0d".to_owned()))
        );
    }

    #[test]
    fn a_header_that_ends_early_is_cut_short() {
        let header = [0, 0, 8, 3, 0, 0, 0x27, 0x10, 0, 0, 0, 28, 0, 0, 0, 28];
        for length in 0..header.len() {
            assert_eq!(layout(&mut &header[..length]), Err(HeaderError::CutShort));
        }
    }

    proptest! {
        /// Of any number of dimensions, each of any size: their product need not fit anywhere.
        #[test]
        fn no_header_makes_it_panic(sizes in prop::collection::vec(prop_oneof![0..4u32, any::<u32>(), Just(u32::MAX)], 0..6)) {
            let mut header = vec![0, 0, 8, sizes.len() as u8];
            header.extend(sizes.iter().flat_map(|size| size.to_be_bytes()));
            if let Ok(layout) = layout(&mut header.as_slice()).and_then(Layout::checked) {
                prop_assert!((2..=4).contains(&sizes.len()) && layout.images > 0, "{layout:?}");
            }
        }
    }
}
