//! Where images to produce come from: the embedded test images, or files.
//!
//! Pixels are read a batch at a time and sent as the Python program's message; files that are images already go as they
//! are. Memory is bounded by one message, whatever a file's header claims.

mod decode;
mod folder;
pub mod idx;
pub mod json;
pub mod npy;
mod picture;
mod pixels;
mod test_set;

use std::collections::VecDeque;
use std::fs;
use std::io::{self, BufReader, Read};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

pub use decode::decode;
pub use folder::{Folder, left_out};
pub use json::python_message;
pub use picture::{KINDS, media_type_of, media_type_of_name};
pub use pixels::{Batch, HeaderError, Layout, Pixels, Shape};
pub use test_set::{test_images, test_labels};

use crate::files;
use crate::message::{CONTENT_TYPE, Message};
use crate::terminal::counted;

/// Images that wait to be sent.
#[derive(Debug)]
pub enum Images {
    /// Pixels, to be sent as batches.
    Pixels(Pixels),
    /// Pictures, each to be sent as it is.
    Files(VecDeque<PathBuf>),
}

/// One message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Produced {
    /// With the header `content-type` where the payload is not the Python program's.
    pub message: Message,
    /// How many images it carries.
    pub images: u64,
}

impl Images {
    /// A file, recognised by its first bytes, or the pictures of a folder, and the names of what else is there. Reads
    /// no more than headers, and of a folder nothing: what is wrong otherwise is told at the message concerned.
    pub fn open(path: &Path) -> Result<(Self, Vec<String>), ImagesError> {
        match path.is_dir() {
            true => list(path),
            false => Ok((Self::of_file(path)?, Vec::new())),
        }
    }

    /// The same for a file alone.
    pub fn of_file(path: &Path) -> Result<Self, ImagesError> {
        let mut start = Vec::new();
        let reader = start_of(path, &mut start)?;
        if media_type_of(&start).is_some() {
            return Ok(Self::Files([path.to_owned()].into()));
        }
        let mut reader = unpacked(path, reader, &mut start)?;
        let header = |source| ImagesError::Header {
            file: path.to_owned(),
            source,
        };
        let layout = if start.is_empty() {
            Err(HeaderError::Empty)
        } else if start.starts_with(npy::MAGIC) {
            npy::layout(&mut reader)
        } else if start.starts_with(idx::MAGIC) {
            idx::layout(&mut reader)
        } else {
            Err(HeaderError::Unknown)
        };
        let layout = layout.and_then(Layout::checked).map_err(header)?;
        Ok(Self::Pixels(Pixels::new(path.display().to_string(), layout, reader)))
    }

    /// How many images there are, as far as a header or a folder can tell.
    pub fn count(&self) -> u64 {
        match self {
            Self::Pixels(pixels) => pixels.left(),
            Self::Files(files) => files.len() as u64,
        }
    }

    /// Fails where a message of `batch` images, or a file, cannot keep within `max_message_bytes`.
    pub fn check(&self, batch: NonZeroUsize, max_message_bytes: usize) -> Result<(), ImagesError> {
        let files = match self {
            Self::Pixels(pixels) => return pixels.check(batch, max_message_bytes),
            Self::Files(files) => files,
        };
        for file in files {
            let bytes = fs::metadata(file).map_err(|source| unreadable(file, source))?.len();
            if bytes > max_message_bytes as u64 {
                return Err(too_large(file, max_message_bytes));
            }
        }
        Ok(())
    }

    /// The next message: at most `batch` images of pixels, or one file of at most `max_message_bytes`. None: all are out.
    pub fn next(&mut self, batch: u64, max_message_bytes: usize) -> Result<Option<Produced>, ImagesError> {
        match self {
            Self::Pixels(pixels) => {
                let batch = pixels.read(batch)?;
                Ok(batch.map(|batch| Produced {
                    images: batch.count(),
                    message: Message::new(python_message(&batch)),
                }))
            }
            Self::Files(files) => match files.pop_front() {
                Some(file) => read_whole(&file, max_message_bytes).map(Some),
                None => Ok(None),
            },
        }
    }
}

/// Opens a file that may be gzipped. Its first bytes, unpacked, and a reader that has them still.
pub fn open_unpacked(path: &Path) -> Result<(Vec<u8>, Box<dyn Read + Send>), ImagesError> {
    let mut start = Vec::new();
    let reader = start_of(path, &mut start)?;
    let reader = unpacked(path, reader, &mut start)?;
    Ok((start, reader))
}

fn start_of(path: &Path, start: &mut Vec<u8>) -> Result<Box<dyn Read + Send>, ImagesError> {
    let file = files::open(path).map_err(|source| unreadable(path, source))?;
    peek(Box::new(BufReader::new(file)), start).map_err(|source| unreadable(path, source))
}

/// The reader itself, where its start is not that of a gzip stream.
fn unpacked(
    path: &Path,
    reader: Box<dyn Read + Send>,
    start: &mut Vec<u8>,
) -> Result<Box<dyn Read + Send>, ImagesError> {
    if !start.starts_with(&[0x1f, 0x8b]) {
        return Ok(reader);
    }
    let reader = Box::new(MultiGzDecoder::new(reader));
    peek(reader, start).map_err(|source| unreadable(path, source))
}

/// Reads the first bytes into `start` and gives a reader that has them still.
fn peek(mut reader: Box<dyn Read + Send>, start: &mut Vec<u8>) -> io::Result<Box<dyn Read + Send>> {
    start.clear();
    reader.by_ref().take(picture::SIGNATURE).read_to_end(start)?;
    Ok(Box::new(io::Cursor::new(start.clone()).chain(reader)))
}

fn list(folder: &Path) -> Result<(Images, Vec<String>), ImagesError> {
    let Folder { pictures, left_out } = Folder::list(folder)?;
    match pictures.is_empty() {
        true => Err(ImagesError::NoImages {
            folder: folder.to_owned(),
        }),
        false => Ok((Images::Files(pictures.into()), left_out)),
    }
}

fn read_whole(path: &Path, max_message_bytes: usize) -> Result<Produced, ImagesError> {
    let payload = match files::read(path, max_message_bytes as u64) {
        Ok(payload) => payload,
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => return Err(too_large(path, max_message_bytes)),
        Err(error) => return Err(unreadable(path, error)),
    };
    let Some(media_type) = media_type_of(&payload) else {
        return Err(ImagesError::NotAnImage { file: path.to_owned() });
    };
    let mut message = Message::new(payload);
    message.set_header(CONTENT_TYPE, media_type);
    Ok(Produced { message, images: 1 })
}

fn too_large(file: &Path, limit: usize) -> ImagesError {
    ImagesError::FileTooLarge {
        file: file.to_owned(),
        limit,
    }
}

fn unreadable(file: &Path, source: io::Error) -> ImagesError {
    ImagesError::Unreadable {
        file: file.to_owned(),
        source,
    }
}

/// What is wrong with images to produce.
#[derive(Debug, thiserror::Error)]
pub enum ImagesError {
    /// Missing, not allowed, or broken while it was read.
    #[error("cannot read {}", file.display())]
    Unreadable {
        /// The file or folder.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The start of the file says that it is of no use.
    #[error("{} cannot be used", file.display())]
    Header {
        /// The file.
        file: PathBuf,
        /// Why.
        source: HeaderError,
    },
    /// Fewer images than the header announced.
    #[error("{file} is cut short: it announces {} and holds {whole}; get it anew", counted(*announced, "image", "images"))]
    CutShort {
        /// The file.
        file: String,
        /// By the header.
        announced: u64,
        /// Whole images that were there.
        whole: u64,
    },
    /// Images that no message can carry.
    #[error(
        "{} of {shape} from {file} in a message make it larger than the limit of {limit} bytes; lower --batch or raise \
         --max-message-bytes",
        counted(*batch as u64, "image", "images")
    )]
    BatchTooLarge {
        /// The file.
        file: String,
        /// Images to a message.
        batch: usize,
        /// Of one image.
        shape: Shape,
        /// Bytes.
        limit: usize,
    },
    /// A file that no message can carry.
    #[error("{} is over the limit of {limit} bytes to a message; raise --max-message-bytes", file.display())]
    FileTooLarge {
        /// The file.
        file: PathBuf,
        /// Bytes.
        limit: usize,
    },
    /// Named like a picture, but of no format that is sent.
    #[error("{} is empty or no picture ({KINDS}); remove it or rename it", file.display())]
    NotAnImage {
        /// The file.
        file: PathBuf,
    },
    /// A folder of other things.
    #[error("the folder {} contains no pictures ({KINDS}); folders in it are not searched", folder.display())]
    NoImages {
        /// The folder.
        folder: PathBuf,
    },
}
