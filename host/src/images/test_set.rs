//! The 10,000 Fashion-MNIST test images and their labels, embedded, so that `produce` works in any folder.

use std::io::Read;

use flate2::read::MultiGzDecoder;

use super::pixels::{HeaderError, Layout, Pixels};
use super::{ImagesError, idx};

static IMAGES: &[u8] = include_bytes!("../../../models/data/t10k-images-idx3-ubyte.gz");
static LABELS: &[u8] = include_bytes!("../../../models/data/t10k-labels-idx1-ubyte.gz");

/// The images, grey, 28 by 28.
pub fn test_images() -> Result<Pixels, ImagesError> {
    let mut reader = MultiGzDecoder::new(IMAGES);
    let layout = idx::layout(&mut reader).and_then(Layout::checked);
    let layout = layout.map_err(|source| ImagesError::Header {
        file: "t10k-images-idx3-ubyte.gz".into(),
        source,
    })?;
    Ok(Pixels::new("the test images".to_owned(), layout, Box::new(reader)))
}

/// Their classes, 0 to 9, in the same order.
pub fn test_labels() -> Result<Vec<u8>, ImagesError> {
    let file = "t10k-labels-idx1-ubyte.gz";
    let mut labels = Vec::new();
    let mut reader = MultiGzDecoder::new(LABELS);
    let mut header = [0; 8];
    let read = reader
        .read_exact(&mut header)
        .and_then(|()| reader.read_to_end(&mut labels));
    match read {
        Ok(_) if header.starts_with(&[0, 0, 8, 1]) => Ok(labels),
        _ => Err(ImagesError::Header {
            file: file.into(),
            source: HeaderError::CutShort,
        }),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn there_are_ten_thousand_images_and_a_thousand_labels_of_each_class() {
        let mut images = test_images().unwrap();
        let batch = images.read(20_000).unwrap().unwrap();
        assert_eq!(batch.count(), 10_000);
        assert_eq!(images.read(1).unwrap(), None);
        let labels = test_labels().unwrap();
        for class in 0..10 {
            assert_eq!(labels.iter().filter(|label| **label == class).count(), 1_000);
        }
    }
}
