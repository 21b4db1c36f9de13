//! Labelled images: where they are, the class of each, and how they are read, one message at a time.
//!
//! The classes are known, and checked against the model's labels, before the first image is read. Memory is bounded
//! by one message and one number for each image.

mod error;
mod folder;
mod idx;
mod labels;
mod npz;

use std::collections::VecDeque;
use std::fmt;
use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::Serialize;

pub use error::DataError;
pub use labels::of_test_images;

use crate::classifier::Description;
use crate::files;
use crate::images::{Batch, ImagesError, Layout, Pixels, Shape, test_images, test_labels};
use crate::json::file_name;

/// The part of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// Images that the model was not trained on.
    Test,
    /// Images that it may have been trained on.
    Train,
}

impl Split {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Train => "train",
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Test => Self::Train,
            Self::Train => Self::Test,
        }
    }
}

/// Images that wait to be classified, each with its true class.
#[derive(Debug)]
pub struct Labelled {
    /// For people: which data this is.
    pub name: String,
    /// Oddities that are not errors.
    pub warnings: Vec<String>,
    /// Entries of a folder that are not pictures.
    pub left_out: u64,
    images: Images,
    taken: u64,
}

#[derive(Debug)]
enum Images {
    Pixels(Pixels, VecDeque<u32>),
    Files(VecDeque<Picture>),
}

/// A file that is one image.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Picture {
    path: PathBuf,
    /// Relative to the data's folder.
    name: PathBuf,
    class: u32,
}

/// Images that make one message.
#[derive(Debug)]
pub struct Portion {
    /// How many images are before it.
    pub first: u64,
    /// The true class of each.
    pub classes: Vec<u32>,
    /// The images.
    pub content: Content,
}

/// The contents of a message.
#[derive(Debug)]
pub enum Content {
    /// Pixels of the model's size.
    Pixels(Batch),
    /// One file, unchanged.
    File {
        /// Its path.
        path: PathBuf,
        /// Relative to the data's folder.
        name: PathBuf,
        /// Its contents, or why it cannot be read.
        bytes: Result<Bytes, String>,
    },
}

/// Which image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ImageName {
    /// By its index, from 0.
    Index(u64),
    /// By its file, relative to the data's folder.
    File(#[serde(serialize_with = "file_name")] PathBuf),
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => write!(f, "image {index}"),
            Self::File(name) => name.display().fmt(f),
        }
    }
}

impl Labelled {
    /// Finds the images at `data`, or the built-in ones, and the class of each by the labels of `model`.
    pub fn open(data: Option<&Path>, split: Split, model: &Description) -> Result<Self, DataError> {
        let Some(path) = data else {
            return Self::built_in(split, model);
        };
        let unreadable = |source| ImagesError::Unreadable {
            file: path.to_owned(),
            source,
        };
        if fs::metadata(path).map_err(unreadable)?.is_dir() {
            return match idx::find(path, split)? {
                Some(files) => files.open(model),
                None => folder::open(path, split, model),
            };
        }
        let mut start = Vec::new();
        let file = files::open(path).map_err(unreadable)?;
        file.take(4).read_to_end(&mut start).map_err(unreadable)?;
        match start.starts_with(npz::MAGIC) {
            true => npz::open(path, split, model),
            false => Err(DataError::Unknown { path: path.to_owned() }),
        }
    }

    fn built_in(split: Split, model: &Description) -> Result<Self, DataError> {
        if split == Split::Train {
            return Err(DataError::BuiltIn);
        }
        let images = test_images()?;
        let classes = test_labels()?.into_iter().map(|class| Ok(class.into()));
        let name = "the built-in test images".to_owned();
        let (map, assumed) = labels::of_test_images(model);
        let classes = labels::mapped(&name, classes, &map)?;
        let mut data = Self::pixels(name, images, classes, model)?;
        data.warnings.extend(assumed);
        Ok(data)
    }

    /// Images as pixels, which must have the model's size, and be as many as their classes.
    fn pixels(name: String, images: Pixels, classes: Vec<u32>, model: &Description) -> Result<Self, DataError> {
        check_counts(&name, images.left(), classes.len() as u64)?;
        check_size(&name, images.shape(), model)?;
        Ok(Self {
            name,
            warnings: Vec::new(),
            left_out: 0,
            images: Images::Pixels(images, classes.into()),
            taken: 0,
        })
    }

    /// How many images are left.
    pub fn left(&self) -> u64 {
        match &self.images {
            Images::Pixels(pixels, _) => pixels.left(),
            Images::Files(files) => files.len() as u64,
        }
    }

    /// The size of each image, if they are pixels.
    pub fn shape(&self) -> Option<Shape> {
        match &self.images {
            Images::Pixels(pixels, _) => Some(pixels.shape()),
            Images::Files(_) => None,
        }
    }

    /// The next images: at most `batch` of pixels, or one file of at most `limit` bytes. None: there are no more.
    pub fn next(&mut self, batch: u64, limit: usize) -> Result<Option<Portion>, ImagesError> {
        let first = self.taken;
        let portion = match &mut self.images {
            Images::Pixels(pixels, classes) => pixels.read(batch)?.map(|batch| {
                let count = usize::try_from(batch.count()).unwrap_or(usize::MAX);
                Portion {
                    first,
                    classes: classes.drain(..count.min(classes.len())).collect(),
                    content: Content::Pixels(batch),
                }
            }),
            Images::Files(files) => files.pop_front().map(|picture| Portion {
                first,
                classes: vec![picture.class],
                content: Content::File {
                    bytes: read(&picture.path, limit),
                    path: picture.path,
                    name: picture.name,
                },
            }),
        };
        self.taken += portion.as_ref().map_or(0, |portion| portion.classes.len() as u64);
        Ok(portion)
    }
}

impl Portion {
    /// The name of the image with this index in the portion.
    pub fn name(&self, place: usize) -> ImageName {
        match &self.content {
            Content::Pixels(_) => ImageName::Index(self.first + place as u64),
            Content::File { name, .. } => ImageName::File(name.clone()),
        }
    }
}

fn read(path: &Path, limit: usize) -> Result<Bytes, String> {
    match files::read(path, limit as u64) {
        Err(error) if error.kind() == ErrorKind::FileTooLarge => Err(format!(
            "is over the limit of {limit} bytes for a message; make it smaller"
        )),
        Err(error) => Err(format!("cannot be read: {error}")),
        Ok(bytes) => Ok(bytes.into()),
    }
}

fn check_counts(data: &str, images: u64, labels: u64) -> Result<(), DataError> {
    match images == labels {
        true => Ok(()),
        false => Err(DataError::Counts {
            data: data.to_owned(),
            images,
            labels,
        }),
    }
}

fn check_size(data: &str, shape: Shape, model: &Description) -> Result<(), DataError> {
    let takes = Shape {
        height: model.height.into(),
        width: model.width.into(),
        channels: model.channels.into(),
    };
    match shape == takes {
        true => Ok(()),
        false => Err(DataError::Size {
            data: data.to_owned(),
            shape,
            takes,
        }),
    }
}

/// The most images of one evaluation. Their labels are held in memory, and a header may claim any number.
const MOST_IMAGES: u64 = 1 << 24;

/// Checks that the headers of images and labels agree, before the labels, which may be many, are read.
fn check_layout(data: &str, images: Layout, labels: u64, model: &Description) -> Result<(), DataError> {
    check_counts(data, images.images, labels)?;
    if labels > MOST_IMAGES {
        return Err(DataError::TooMany {
            data: data.to_owned(),
            images: labels,
            most: MOST_IMAGES,
        });
    }
    check_size(data, images.shape, model)
}

#[cfg(test)]
pub mod tests;
