//! A folder of pictures, looked through before the first of them is used: what is there, and what is left out.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::{ImagesError, media_type_of};
use crate::files;

/// So many files are named; the rest are counted.
const NAMED: usize = 5;

/// What lies in a folder. Hidden files are nobody's pictures, and nothing is said of them; links are followed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Folder {
    /// Files that are called `.png`, `.jpg` or `.jpeg`, by name.
    pub pictures: Vec<PathBuf>,
    /// Which of these are of no use, and why.
    pub unusable: Vec<String>,
    /// The names of everything else.
    pub left_out: Vec<String>,
}

impl Folder {
    /// Reads the start of every picture.
    pub fn look_through(folder: &Path) -> Result<Self, ImagesError> {
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
            // A link that leads nowhere is a picture that cannot be read.
            let is_file = fs::metadata(&path).map_or(true, |metadata| metadata.is_file());
            if !is_file || !is_named_as_picture(&path) {
                found
                    .left_out
                    .push(if path.is_dir() { format!("{name}/") } else { name });
                continue;
            }
            if let Some(why) = fault(&path) {
                found.unusable.push(format!("{name} {why}"));
            }
            found.pictures.push(path);
        }
        Ok(found)
    }
}

/// What was left out, for people; none: nothing was.
pub fn left_out(names: &[String]) -> Option<String> {
    let count = names.len();
    let what = if count == 1 {
        "1 entry is"
    } else {
        &format!("{count} entries are")
    };
    let why = "no .png, .jpg or .jpeg file";
    (count > 0).then(|| format!("{what} left out, being {why}: {}", some(names)))
}

/// The first few, and how many more there are.
pub fn some(names: &[String]) -> String {
    let more = names.len().saturating_sub(NAMED);
    let named: Vec<_> = names.iter().take(NAMED).map(String::as_str).collect();
    match more {
        0 => named.join(", "),
        _ => format!("{} and {more} more", named.join(", ")),
    }
}

fn fault(picture: &Path) -> Option<String> {
    let mut start = Vec::new();
    match files::open(picture).and_then(|file| file.take(8).read_to_end(&mut start)) {
        Err(error) => Some(format!("cannot be read ({error})")),
        Ok(_) if start.is_empty() => Some("is empty".to_owned()),
        Ok(_) if media_type_of(&start).is_none() => Some("begins like neither PNG nor JPEG".to_owned()),
        Ok(_) => None,
    }
}

fn is_named_as_picture(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| {
        ["png", "jpg", "jpeg"]
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\nrest";

    #[test]
    fn a_folder_is_looked_through_and_whatever_is_left_out_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
        for name in ["b.PNG", "a.jpeg", ".hidden.png", "c.webp", "notes.txt"] {
            write(name, PNG);
        }
        write("d.png", b"");
        write("e.jpg", b"RIFF");
        fs::create_dir(folder.path().join("f.png")).unwrap();
        std::os::unix::fs::symlink("b.PNG", folder.path().join("g.png")).unwrap();
        std::os::unix::fs::symlink("nowhere", folder.path().join("h.png")).unwrap();
        let found = Folder::look_through(folder.path()).unwrap();
        let names = found.pictures.iter().filter_map(|path| path.file_name());
        let names: Vec<_> = names.map(|name| name.to_string_lossy()).collect();
        assert_eq!(names, ["a.jpeg", "b.PNG", "d.png", "e.jpg", "g.png", "h.png"]);
        assert_eq!(found.left_out, ["c.webp", "f.png/", "notes.txt"]);
        assert_eq!(found.unusable.len(), 3, "{:?}", found.unusable);
        assert_eq!(found.unusable.first().unwrap(), "d.png is empty");
        assert!(
            found
                .unusable
                .last()
                .unwrap()
                .starts_with("h.png cannot be read (No such file")
        );
    }

    #[test]
    fn many_are_counted_and_few_are_named() {
        let names = |count: usize| (0..count).map(|number| format!("{number}.gif")).collect::<Vec<_>>();
        assert_eq!(left_out(&[]), None);
        let one = left_out(&names(1)).unwrap();
        assert_eq!(one, "1 entry is left out, being no .png, .jpg or .jpeg file: 0.gif");
        assert!(
            left_out(&names(9))
                .unwrap()
                .ends_with(": 0.gif, 1.gif, 2.gif, 3.gif, 4.gif and 4 more")
        );
    }
}
