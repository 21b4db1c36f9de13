//! A folder of folders of pictures, one for each class.

use std::fs;
use std::path::{Path, PathBuf};

use super::labels::ByName;
use super::{DataError, Images, Labelled, Picture, Split};
use crate::classifier::Description;
use crate::images::{Folder, ImagesError, KINDS, left_out};
use crate::terminal::printable;

/// Finds the pictures of each class; only those of the split, if the folder has a folder for each split.
pub fn open(folder: &Path, split: Split, model: &Description) -> Result<Labelled, DataError> {
    let (folder, name) = match of_split(folder, split)? {
        Some(inner) => {
            let name = inner.display().to_string();
            (inner, name)
        }
        None => (folder.to_owned(), folder.display().to_string()),
    };
    let by_name = ByName::new(model);
    let mut classes = Vec::new();
    for path in folders(&folder)? {
        let class = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        classes.push((by_name.class("the folder", &class)?, class, path));
    }
    let mut warnings = Vec::new();
    let mut pictures = Vec::new();
    // Next to the folders of classes, and in them.
    let mut others = names(&entries(&folder, |path| !path.is_dir())?);
    for (class, name, path) in classes {
        let found = Folder::list(&path)?;
        if found.pictures.is_empty() {
            let name = printable(&name);
            warnings.push(format!("the folder '{name}' contains no pictures ({KINDS})"));
        }
        others.extend(found.left_out.iter().map(|file| format!("{name}/{file}")));
        pictures.extend(found.pictures.into_iter().map(|path| Picture {
            name: path.strip_prefix(&folder).unwrap_or(&path).to_owned(),
            path,
            class,
        }));
    }
    warnings.extend(left_out(&others).map(|said| printable(&said)));
    if pictures.is_empty() {
        return Err(DataError::Nothing { folder });
    }
    Ok(Labelled {
        name,
        warnings,
        left_out: others.len() as u64,
        images: Images::Files(pictures.into()),
        taken: 0,
    })
}

/// The split's folder inside. A folder of this name without folders in it is a class.
fn of_split(folder: &Path, split: Split) -> Result<Option<PathBuf>, DataError> {
    let inner = |split: Split| -> Result<Option<PathBuf>, DataError> {
        let inner = folder.join(split.name());
        Ok(match inner.is_dir() && !folders(&inner)?.is_empty() {
            true => Some(inner),
            false => None,
        })
    };
    match (inner(split)?, inner(split.other())?) {
        (None, Some(_)) => Err(DataError::OtherSplit {
            data: folder.display().to_string(),
            wanted: split.name(),
            there: split.other().name(),
        }),
        (wanted, _) => Ok(wanted),
    }
}

fn names(paths: &[PathBuf]) -> Vec<String> {
    let names = paths.iter().map(|path| path.file_name().unwrap_or_default());
    names.map(|name| name.to_string_lossy().into_owned()).collect()
}

/// The folders inside that are not hidden, by name.
fn folders(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    entries(folder, Path::is_dir)
}

fn entries(folder: &Path, is_wanted: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>, DataError> {
    let unreadable = |source| ImagesError::Unreadable {
        file: folder.to_owned(),
        source,
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
        if !is_hidden && is_wanted(&entry.path()) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}
