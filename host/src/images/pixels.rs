//! Images as raw pixels behind a header, as in IDX and npy files.

use std::fmt;
use std::io::Read;
use std::num::NonZeroUsize;

use super::{ImagesError, KINDS};

/// Of one image, in pixels. Row-major: height, width, channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Rows.
    pub height: u64,
    /// Columns.
    pub width: u64,
    /// Values to a pixel.
    pub channels: u64,
}

impl Shape {
    /// Values, and so bytes, of one image. None: more than fit into 64 bits.
    pub fn values(self) -> Option<u64> {
        self.height.checked_mul(self.width)?.checked_mul(self.channels)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}x{}", self.height, self.width, self.channels)
    }
}

/// What a header announces. The pixels follow it, one byte a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// How many images.
    pub images: u64,
    /// Of each.
    pub shape: Shape,
}

impl Layout {
    /// From the dimensions that a file names: (H, W), (N, H, W) or (N, H, W, C).
    pub fn from_dimensions(dimensions: &[u64]) -> Result<Self, HeaderError> {
        let (images, height, width, channels) = match *dimensions {
            [height, width] => (1, height, width, 1),
            [images, height, width] => (images, height, width, 1),
            [images, height, width, channels] => (images, height, width, channels),
            _ => return Err(HeaderError::Dimensions(dimensions.to_vec())),
        };
        let shape = Shape {
            height,
            width,
            channels,
        };
        Ok(Self { images, shape })
    }

    /// Itself, if there is at least one image, with at least one pixel, and none is absurdly large.
    pub fn checked(self) -> Result<Self, HeaderError> {
        let values = self.shape.values().filter(|values| (1..=MAX_VALUES).contains(values));
        match values {
            Some(_) if self.images > 0 => Ok(self),
            _ => Err(HeaderError::Size {
                images: self.images,
                shape: self.shape,
            }),
        }
    }
}

/// Of one image: 16,384 x 16,384 pixels. More is a broken header, not an image.
const MAX_VALUES: u64 = 1 << 28;

/// Images of one shape, and their pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Of each image.
    pub shape: Shape,
    /// N, H, W, C, row-major: a multiple of the shape's values.
    pub pixels: Vec<u8>,
}

impl Batch {
    /// N.
    pub fn count(&self) -> u64 {
        match self.shape.values() {
            Some(values) if values > 0 => self.pixels.len() as u64 / values,
            _ => 0,
        }
    }
}

/// Images that are read on demand.
pub struct Pixels {
    file: String,
    layout: Layout,
    left: u64,
    reader: Box<dyn Read + Send>,
}

impl Pixels {
    /// `reader` is at the start of the pixels; `file` is its name for people.
    pub fn new(file: String, layout: Layout, reader: Box<dyn Read + Send>) -> Self {
        let left = layout.images;
        Self {
            file,
            layout,
            left,
            reader,
        }
    }

    /// The file, as people know it.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Its header's layout.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Of each image.
    pub fn shape(&self) -> Shape {
        self.layout.shape
    }

    /// Images of the header that are not read yet.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// Fails if a message of `batch` images cannot fit into `limit` bytes, with at least three bytes for each value
    /// (`0, `).
    pub fn check(&self, batch: NonZeroUsize, limit: usize) -> Result<(), ImagesError> {
        let images = self.left.min(batch.get() as u64);
        let values = self.layout.shape.values().and_then(|values| values.checked_mul(images));
        let bytes = values.and_then(|values| values.checked_mul(3));
        match bytes {
            Some(bytes) if bytes <= limit as u64 => Ok(()),
            _ => Err(ImagesError::BatchTooLarge {
                file: self.file.clone(),
                batch: batch.get(),
                shape: self.layout.shape,
                limit,
            }),
        }
    }

    /// The next images, at most `count`. None: there are no more.
    pub fn read(&mut self, count: u64) -> Result<Option<Batch>, ImagesError> {
        let shape = self.layout.shape;
        let count = count.min(self.left);
        let values = shape.values().unwrap_or(0);
        if count == 0 || values == 0 {
            return Ok(None);
        }
        let wanted = values.saturating_mul(count);
        let mut pixels = Vec::new();
        let read = self.reader.by_ref().take(wanted).read_to_end(&mut pixels);
        // A gzip stream that ends early is an error of its own kind, and means the same.
        if read.is_err() || (pixels.len() as u64) < wanted {
            return match read {
                Err(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => Err(ImagesError::Unreadable {
                    file: self.file.clone().into(),
                    source: error,
                }),
                _ => Err(ImagesError::CutShort {
                    file: self.file.clone(),
                    announced: self.layout.images,
                    whole: self.layout.images - self.left + pixels.len() as u64 / values,
                }),
            };
        }
        self.left -= count;
        Ok(Some(Batch { shape, pixels }))
    }
}

impl fmt::Debug for Pixels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pixels({} of {:?}, {} left)", self.file, self.layout, self.left)
    }
}

/// Errors at the start of a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Nothing in it.
    #[error("it is empty")]
    Empty,
    /// Of an unknown format.
    #[error("it is neither IDX, .npy nor a picture ({KINDS})")]
    Unknown,
    /// Ends within its header.
    #[error("it ends within its header; download it again")]
    CutShort,
    /// Not a format version, or not a header, that is read here.
    #[error("its npy header is not readable: {0}")]
    Npy(&'static str),
    /// Values that are not bytes.
    #[error("its values are of type {0}; unsigned bytes (uint8) are needed")]
    ElementType(String),
    /// Not images.
    #[error("it has the dimensions {0:?}; images are (H, W), (N, H, W) or (N, H, W, C)")]
    Dimensions(Vec<u64>),
    /// Empty, or far too large.
    #[error("it announces {images} images of {shape}; at least one, and at most 2^28 values to an image, are needed")]
    Size {
        /// N.
        images: u64,
        /// Of each.
        shape: Shape,
    },
}
