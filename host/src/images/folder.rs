//! The pictures of a folder, and what else is in it.

use std::fs;
use std::path::{Path, PathBuf};

use super::{ImagesError, KINDS, media_type_of_name};

/// How many files are named; the rest are counted.
const NAMED: usize = 5;

/// The contents of a folder. Hidden files are ignored; links are followed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Folder {
    /// Files with the name of a picture, sorted.
    pub pictures: Vec<PathBuf>,
    /// The names of everything else.
    pub left_out: Vec<String>,
}

impl Folder {
    /// Lists the folder, and opens none of its files.
    pub fn list(folder: &Path) -> Result<Self, ImagesError> {
        let unreadable = |source| ImagesError::Unreadable {
            file: folder.to_owned(),
            source,
        };
        let mut entries = fs::read_dir(folder)
            .and_then(|entries| {
                entries
                    .map(|entry| entry.map(|entry| entry.path()))
                    .collect::<Result<Vec<_>, _>>()
            })
            .map_err(unreadable)?;
        entries.sort();
        let mut found = Self::default();
        for path in entries {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with('.') {
                continue;
            }
            // A dangling link is a picture that cannot be read.
            let is_file = fs::metadata(&path).map_or(true, |metadata| metadata.is_file());
            match is_file && media_type_of_name(&path).is_some() {
                true => found.pictures.push(path),
                false if path.is_dir() => found.left_out.push(format!("{name}/")),
                false => found.left_out.push(name),
            }
        }
        Ok(found)
    }
}

/// What was left out, for people. None: nothing.
pub fn left_out(names: &[String]) -> Option<String> {
    let what = match names.len() {
        0 => return None,
        1 => "1 entry is left out, because it is no picture",
        count => &format!("{count} entries are left out, because they are no pictures"),
    };
    Some(format!("{what} ({KINDS}): {}", some(names)))
}

/// The first few, and the number of the others.
fn some(names: &[String]) -> String {
    let more = names.len().saturating_sub(NAMED);
    let named: Vec<_> = names.iter().take(NAMED).map(String::as_str).collect();
    match more {
        0 => named.join(", "),
        _ => format!("{} and {more} more", named.join(", ")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\nrest";

    #[test]
    fn a_folder_s_pictures_are_known_by_their_names_and_whatever_is_left_out_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
        for name in ["b.PNG", "a.jpeg", ".hidden.png", "c.webp", "notes.txt", "i.svg"] {
            write(name, PNG);
        }
        write("d.png", b"");
        write("e.jpg", b"RIFF");
        fs::create_dir(folder.path().join("f.png")).unwrap();
        std::os::unix::fs::symlink("b.PNG", folder.path().join("g.png")).unwrap();
        std::os::unix::fs::symlink("nowhere", folder.path().join("h.png")).unwrap();
        let found = Folder::list(folder.path()).unwrap();
        let names = found.pictures.iter().filter_map(|path| path.file_name());
        let names: Vec<_> = names.map(|name| name.to_string_lossy()).collect();
        assert_eq!(names, ["a.jpeg", "b.PNG", "c.webp", "d.png", "e.jpg", "g.png", "h.png"]);
        assert_eq!(found.left_out, ["f.png/", "i.svg", "notes.txt"]);
    }

    #[test]
    fn many_are_counted_and_few_are_named() {
        let names = |count: usize| (0..count).map(|number| format!("{number}.svg")).collect::<Vec<_>>();
        assert_eq!(left_out(&[]), None);
        let one = left_out(&names(1)).unwrap();
        assert_eq!(
            one,
            "1 entry is left out, because it is no picture (PNG, JPEG, WebP, GIF, BMP or TIFF): 0.svg"
        );
        assert!(
            left_out(&names(9))
                .unwrap()
                .ends_with(": 0.svg, 1.svg, 2.svg, 3.svg, 4.svg and 4 more")
        );
    }
}
