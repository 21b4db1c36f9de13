//! The supported formats, and their names in content types.

/// A supported format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Lists of numbers, or an object around them or around pictures.
    Json,
    /// A NumPy array.
    Npy,
    /// NumPy arrays in a ZIP archive.
    Npz,
    /// A picture.
    Picture(Picture),
}

/// A format of pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Picture {
    Png,
    Jpeg,
    WebP,
    Gif,
    Bmp,
    Tiff,
}

/// The meaning of a content type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// A supported format.
    Format(Format),
    /// Bytes, which may be anything.
    Bytes,
    /// Nothing about the format: text, something compressed, some picture.
    Vague,
    /// An unsupported format.
    Other,
}

/// The media types of the formats.
const FORMATS: [(Format, &str); 9] = [
    (Format::Json, "application/json"),
    (Format::Npy, "application/x-npy"),
    (Format::Npz, "application/x-npz"),
    (Format::Picture(Picture::Png), "image/png"),
    (Format::Picture(Picture::Jpeg), "image/jpeg"),
    (Format::Picture(Picture::WebP), "image/webp"),
    (Format::Picture(Picture::Gif), "image/gif"),
    (Format::Picture(Picture::Bmp), "image/bmp"),
    (Format::Picture(Picture::Tiff), "image/tiff"),
];

/// Other names of the same formats.
const ALIASES: [(Format, &[&str]); 9] = [
    (
        Format::Json,
        &[
            "text/json",
            "text/x-json",
            "application/x-json",
            "application/javascript",
        ],
    ),
    (
        Format::Npy,
        &[
            "application/npy",
            "application/numpy",
            "application/x-numpy",
            "application/vnd.numpy",
        ],
    ),
    (
        Format::Npz,
        &["application/npz", "application/zip", "application/x-zip-compressed"],
    ),
    (
        Format::Picture(Picture::Png),
        &["image/x-png", "image/apng", "image/vnd.mozilla.apng"],
    ),
    (
        Format::Picture(Picture::Jpeg),
        &["image/jpg", "image/pjpeg", "image/jfif"],
    ),
    (Format::Picture(Picture::WebP), &["image/x-webp"]),
    (Format::Picture(Picture::Gif), &["image/x-gif"]),
    (
        Format::Picture(Picture::Bmp),
        &["image/x-bmp", "image/x-ms-bmp", "image/x-windows-bmp", "image/ms-bmp"],
    ),
    (
        Format::Picture(Picture::Tiff),
        &["image/tif", "image/x-tiff", "image/x-tif"],
    ),
];

const BYTES: [&str; 4] = [
    "application/octet-stream",
    "binary/octet-stream",
    "application/binary",
    "application/x-binary",
];

const VAGUE: [&str; 10] = [
    "text/plain",
    "text/x-base64",
    "application/base64",
    "application/gzip",
    "application/x-gzip",
    "application/zlib",
    "application/unknown",
    "image/*",
    "application/*",
    "*/*",
];

impl Format {
    /// Its media type.
    pub fn media_type(self) -> &'static str {
        let mut names = FORMATS.iter();
        names.find(|(format, _)| *format == self).map_or("", |(_, name)| *name)
    }
}

/// The meaning of `essence`, a media type in lower case without parameters.
pub fn named(essence: &str) -> Named {
    let mut formats = FORMATS
        .iter()
        .map(|(format, name)| (format, std::slice::from_ref(name)));
    let mut aliases = ALIASES.iter().map(|(format, names)| (format, *names));
    let is_named = |(_, names): &(&Format, &[&str])| names.contains(&essence);
    if let Some((format, _)) = formats.find(is_named).or_else(|| aliases.find(is_named)) {
        return Named::Format(*format);
    }
    match essence {
        _ if essence.ends_with("+json") => Named::Format(Format::Json),
        _ if BYTES.contains(&essence) => Named::Bytes,
        _ if VAGUE.contains(&essence) => Named::Vague,
        _ => Named::Other,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn every_format_has_a_name_and_no_name_stands_for_two() {
        let mut seen = Vec::new();
        for (format, names) in ALIASES {
            for name in [format.media_type()].iter().chain(names) {
                assert_eq!(named(name), Named::Format(format), "{name}");
                assert!(!seen.contains(name), "{name}");
                seen.push(name);
            }
        }
        for name in BYTES.iter().chain(&VAGUE) {
            assert!(!seen.contains(name), "{name}");
        }
    }

    #[test]
    fn other_names_say_bytes_nothing_or_another_format() {
        assert_eq!(named("application/cloudevents+json"), Named::Format(Format::Json));
        assert_eq!(named("binary/octet-stream"), Named::Bytes);
        assert_eq!(named("text/plain"), Named::Vague);
        assert_eq!(named("image/heic"), Named::Other);
    }
}
