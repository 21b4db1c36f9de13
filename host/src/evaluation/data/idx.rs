//! The four files of MNIST and Fashion-MNIST, gzipped or not.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::{DataError, Labelled, Split, check_layout, labels};
use crate::classifier::Description;
use crate::images::{HeaderError, Images, ImagesError, idx, open_unpacked};

/// A file of images and one of labels.
pub struct Files {
    name: String,
    images: PathBuf,
    labels: PathBuf,
}

/// The names of images and labels.
fn names(split: Split) -> [&'static str; 2] {
    match split {
        Split::Test => ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"],
        Split::Train => ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"],
    }
}

/// The files of a split in a folder. None: there are no IDX files.
pub fn find(folder: &Path, split: Split) -> Result<Option<Files>, DataError> {
    let data = folder.display().to_string();
    let half = |there: &str, missing: &str| DataError::Half {
        data: data.clone(),
        there: there.to_owned(),
        missing: format!("{missing} or {missing}.gz"),
    };
    let [images, labels] = names(split);
    match (there(folder, images), there(folder, labels)) {
        (Some(images), Some(labels)) => Ok(Some(Files {
            name: format!("the {} images of {data}", split.name()),
            images,
            labels,
        })),
        (Some(_), None) => Err(half(images, labels)),
        (None, Some(_)) => Err(half(labels, images)),
        (None, None) => {
            let other = split.other();
            let others = names(other).map(|name| there(folder, name));
            match others.iter().any(Option::is_some) {
                true => Err(DataError::OtherSplit {
                    data,
                    wanted: split.name(),
                    there: other.name(),
                }),
                false => Ok(None),
            }
        }
    }
}

fn there(folder: &Path, name: &str) -> Option<PathBuf> {
    let paths = [folder.join(name), folder.join(format!("{name}.gz"))];
    paths.into_iter().find(|path| path.is_file())
}

impl Files {
    /// Checks both headers, and reads the labels.
    pub fn open(self, model: &Description) -> Result<Labelled, DataError> {
        let (start, mut reader) = open_unpacked(&self.labels)?;
        let header = |source| ImagesError::Header {
            file: self.labels.clone(),
            source,
        };
        if !start.starts_with(idx::MAGIC) {
            let wrong = match start.is_empty() {
                true => HeaderError::Empty,
                false => HeaderError::Unknown,
            };
            return Err(header(wrong).into());
        }
        let reason = |reason: String| DataError::Labels {
            data: self.labels.display().to_string(),
            reason,
        };
        let count = match idx::dimensions(&mut reader).map_err(header)?.as_slice() {
            &[count] => count,
            other => return Err(reason(format!("they have the dimensions {other:?}; (N) is needed"))),
        };
        let Images::Pixels(images) = Images::of_file(&self.images)? else {
            return Err(DataError::Unknown { path: self.images });
        };
        check_layout(&self.name, images.layout(), count, model)?;
        let mut classes = Vec::new();
        let read = reader.take(count).read_to_end(&mut classes);
        if read.is_err() || (classes.len() as u64) < count {
            let held = classes.len();
            return Err(reason(format!(
                "the header announces {count}, and the file contains {held}; download it again"
            )));
        }
        let classes = labels::of_model(&self.name, classes.into_iter().map(|class| Ok(class.into())), model)?;
        Labelled::pixels(self.name, images, classes, model)
    }
}
