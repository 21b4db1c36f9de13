//! Errors in labelled images.

use std::path::PathBuf;

use crate::images::{ImagesError, KINDS, Shape};
use crate::terminal::counted;

/// Why labelled images cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A missing or damaged file of images.
    #[error(transparent)]
    Images(#[from] ImagesError),
    /// A file of another kind.
    #[error(
        "{} is neither a folder nor an .npz file; give a folder of IDX files, a folder with a folder of pictures for each \
         class, or what numpy.savez writes",
        path.display()
    )]
    Unknown {
        /// The file.
        path: PathBuf,
    },
    /// A folder with other contents.
    #[error(
        "the folder {} holds neither IDX files (such as t10k-images-idx3-ubyte) nor folders of pictures ({KINDS})",
        folder.display()
    )]
    Nothing {
        /// The folder.
        folder: PathBuf,
    },
    /// Training images are not built in.
    #[error("the built-in images are test images; name a folder or an .npz file with training images with --data")]
    BuiltIn,
    /// There are images, but not those of the wanted split.
    #[error("{data} contains no {wanted} images, but {there} images; use those with --split {there}")]
    OtherSplit {
        /// The folder or file.
        data: String,
        /// The wanted split.
        wanted: &'static str,
        /// The existing one.
        there: &'static str,
    },
    /// One of two files that belong together is missing.
    #[error("{data} contains {there}, but no {missing}; add it")]
    Half {
        /// The folder or file.
        data: String,
        /// What is there.
        there: String,
        /// What belongs to it.
        missing: String,
    },
    /// Not as many images as labels.
    #[error(
        "{data} holds {} and {}; there has to be one label an image",
        counted(*images, "image", "images"),
        counted(*labels, "label", "labels")
    )]
    Counts {
        /// The folder or file.
        data: String,
        /// Announced images.
        images: u64,
        /// Announced labels.
        labels: u64,
    },
    /// More images than can be evaluated at once.
    #[error("{data} announces {images} images; at most {most} can be evaluated at once: split it")]
    TooMany {
        /// The folder or file.
        data: String,
        /// Announced images.
        images: u64,
        /// The limit.
        most: u64,
    },
    /// Images of another size than the model's.
    #[error(
        "the images of {data} are {shape}, and the model takes {takes} (height x width x channels); resize them to that \
         size, or give pictures, which the component resizes ({KINDS})"
    )]
    Size {
        /// The folder or file.
        data: String,
        /// Of its images.
        shape: Shape,
        /// Of the model.
        takes: Shape,
    },
    /// Images that are too large for a message.
    #[error("one image of {shape} makes a message over the limit of {limit} bytes; use a model of smaller images")]
    TooLarge {
        /// Of one image.
        shape: Shape,
        /// Bytes.
        limit: usize,
    },
    /// A number that is not one of the model's classes.
    #[error("image {image} of {data} (the first is 0) is of class {class}, and the model's classes are 0 to {last}")]
    Class {
        /// The folder or file.
        data: String,
        /// Which image.
        image: u64,
        /// Its class.
        class: i128,
        /// The model's highest class.
        last: usize,
    },
    /// A name that is not one of the model's labels.
    #[error("the model has no label for {what} '{name}'; its labels are {labels}")]
    NoLabel {
        /// Such as a folder.
        what: String,
        /// The name.
        name: String,
        /// The model's.
        labels: String,
    },
    /// A name that stands for several of the model's labels.
    #[error("{what} '{name}' may mean several of the model's labels: {labels}; give it the exact name of one")]
    Ambiguous {
        /// Such as a folder.
        what: String,
        /// The name.
        name: String,
        /// Those that it may mean.
        labels: String,
    },
    /// Labels that cannot be read.
    #[error("the labels {data} cannot be used: {reason}")]
    Labels {
        /// The file.
        data: String,
        /// Why.
        reason: String,
    },
    /// An archive that cannot be read.
    #[error("{data} cannot be used: {reason}")]
    Archive {
        /// The file.
        data: String,
        /// Why.
        reason: String,
    },
}
