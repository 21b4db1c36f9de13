//! Messages: which format the bytes are in, and one file for each. [`crate::answer`] is the way back.
//!
//! What a message is packed in comes off first (`packed`). Then unmistakable bytes tell the format (`signature`), whatever the
//! content type says; where they tell nothing, it does. Bytes that neither tells are refused: anything may have the length of
//! whole images. They are pixels where the content type declares them, or [`Prepare::raw`] takes them to be.

mod array;
mod foreign;
mod format;
mod json;
mod npy;
mod npz;
mod packed;
mod picture;
mod raw;
mod signature;
mod text;

use self::array::Array;
use self::format::{Format, Named, named};
use self::packed::Packing;
use self::signature::{Signature, is_certain, recognise};
use self::text::is_text;
use crate::dtype::Dtype;
use crate::images::{ImageShape, Images};
use crate::media_type::MediaType;
use crate::prepare::Prepare;
use crate::reject::{Code, Reject, quote};
use crate::warning::Warning;

/// The content types that [`decode`] reads, preferred first. Each may be compressed with gzip or encoded in Base64.
pub const ACCEPTS: [&str; 10] = [
    "application/json",
    "application/x-npy",
    "application/octet-stream;dtype=uint8",
    "image/png",
    "image/jpeg",
    "image/webp",
    "image/gif",
    "image/bmp",
    "image/tiff",
    "application/x-npz",
];

/// The largest body, and the most bytes that it may unpack to in all: many times what the most images take as JSON.
const MAX_BODY: usize = 64 * 1024 * 1024;
/// How many layers of packing a message may have: a CloudEvent, its Base64, gzip in it, and as many again.
const MAX_LAYERS: usize = 6;

/// The contents of a message.
#[derive(Debug)]
pub struct Decoded {
    /// Its images.
    pub images: Images,
    /// Why they may not be what the sender meant, each once.
    pub warnings: Vec<Warning>,
}

/// Reads the images in `body`, which must have the shape `image`.
pub fn decode(
    content_type: Option<&str>,
    body: &[u8],
    prepare: &Prepare,
    image: ImageShape,
) -> Result<Decoded, Reject> {
    if body.is_empty() {
        return Err(Reject::new(Code::Empty, "an empty body: send at least one image"));
    }
    if body.len() > MAX_BODY {
        let detail = format!("a body of {} bytes: send at most {MAX_BODY}", body.len());
        return Err(Reject::new(Code::TooLarge, detail));
    }
    let mut reader = Reader {
        prepare,
        image,
        bytes: MAX_BODY,
        pixels: picture::MAX_PIXELS,
        layers: MAX_LAYERS,
    };
    let is_deflated = prepare.is_deflated && !recognise(body).is_some_and(|signature| is_certain(signature, body));
    let array = match is_deflated {
        true => reader.unpacked(Packing::Deflate, content_type, body)?,
        false => reader.read(content_type, body)?,
    };
    array.finish(prepare.scale, image)
}

/// Reads one message: the request, and how much of the limits is left.
struct Reader<'a> {
    prepare: &'a Prepare,
    image: ImageShape,
    /// Bytes that may still be unpacked.
    bytes: usize,
    /// Pixels that its pictures may still have.
    pixels: usize,
    /// Messages within messages that may still be opened.
    layers: usize,
}

impl Reader<'_> {
    /// Reads `body` by its bytes or its content type.
    fn read(&mut self, content_type: Option<&str>, body: &[u8]) -> Result<Array, Reject> {
        // Without a content type it is bytes.
        let media_type = content_type
            .map(|text| MediaType::parse(text, Code::UnsupportedContentType))
            .transpose();
        let media_type = match media_type {
            Ok(media_type) => media_type,
            // Not a media type at all, such as `png`.
            Err(reject) => return self.misnamed(reject, true, content_type, body),
        };
        match media_type
            .as_ref()
            .map_or(Named::Bytes, |media_type| named(&media_type.essence))
        {
            Named::Format(format) => self.named(format, content_type, body),
            Named::Bytes => self.bytes(media_type.as_ref(), content_type, body),
            name @ (Named::Vague | Named::Other) => {
                let essence = media_type.map(|media_type| media_type.essence).unwrap_or_default();
                let detail = format!("content type {}: send {}", quote(essence), ACCEPTS.join(", "));
                let refusal = Reject::new(Code::UnsupportedContentType, detail);
                self.misnamed(refusal, name == Named::Other, content_type, body)
            }
        }
    }

    /// Bytes that may be anything. With a shape they are pixels; with a `dtype` alone, or nothing, the bytes decide
    /// first.
    fn bytes(
        &mut self,
        media_type: Option<&MediaType>,
        content_type: Option<&str>,
        body: &[u8],
    ) -> Result<Array, Reject> {
        let parameter = |name| media_type.and_then(|media_type| media_type.parameter(name));
        let shape = parameter("shape");
        let dtype = match parameter("dtype") {
            Some(name) => Some(Dtype::parse(name, Code::UnsupportedContentType)?),
            None if shape.is_some() => Some(Dtype::BYTE),
            None => self.prepare.raw,
        };
        let signature = recognise(body);
        if let (Some(dtype), Some(_)) = (dtype, shape) {
            let pixels = raw::decode(body, dtype, shape, self.image);
            let is_packed = pixels.is_err() && signature == Some(Signature::Packed(Packing::Gzip));
            return if is_packed {
                self.unpacked(Packing::Gzip, content_type, body)
            } else {
                pixels
            };
        }
        match (dtype, signature) {
            (Some(dtype), None) => raw::decode(body, dtype, None, self.image),
            (Some(dtype), Some(signature)) if !is_certain(signature, body) => {
                raw::decode(body, dtype, None, self.image)
            }
            (_, Some(Signature::Format(format))) => self.format(format, body),
            (_, Some(Signature::Packed(Packing::Zlib))) => {
                let unpacked = self.unpacked(Packing::Zlib, content_type, body);
                // Two bytes may be anything.
                unpacked.map_err(|reject| {
                    if reject.code == Code::BadEncoding {
                        self.unknown(body)
                    } else {
                        reject
                    }
                })
            }
            (_, Some(Signature::Packed(packing))) => self.unpacked(packing, content_type, body),
            (_, Some(Signature::Foreign(foreign))) => {
                let detail = format!("this is {}: {}", foreign.name, foreign.remedy);
                Err(Reject::new(Code::UnknownFormat, detail))
            }
            (None, None) => Err(self.unknown(body)),
        }
    }

    /// A body of this `format`, unless its bytes are unmistakably of another.
    fn named(&mut self, format: Format, content_type: Option<&str>, body: &[u8]) -> Result<Array, Reject> {
        match recognise(body) {
            Some(Signature::Format(other)) if other == format => self.format(format, body),
            Some(signature) if is_certain(signature, body) || is_wide_json(signature, format) => match signature {
                Signature::Format(other) => {
                    let mut array = self.format(other, body)?;
                    array.warn(Warning::ContentTypeMismatch);
                    Ok(array)
                }
                Signature::Packed(packing) => self.unpacked(packing, content_type, body),
                Signature::Foreign(foreign) => {
                    let said = format.media_type();
                    let detail = format!(
                        "the content type is {said}, but this is {}: {}",
                        foreign.name, foreign.remedy
                    );
                    Err(Reject::new(Code::ContentTypeMismatch, detail))
                }
            },
            _ => self.format(format, body),
        }
    }

    /// A body whose content type says nothing, or is not supported: its bytes may still tell. `refusal`: if they do
    /// not; `is_wrong`: if the content type contradicts them.
    fn misnamed(
        &mut self,
        refusal: Reject,
        is_wrong: bool,
        content_type: Option<&str>,
        body: &[u8],
    ) -> Result<Array, Reject> {
        match recognise(body) {
            Some(Signature::Foreign(foreign)) => {
                let said = quote(content_type.unwrap_or_default());
                let detail = format!("content type {said}: this is {}: {}", foreign.name, foreign.remedy);
                Err(Reject::new(refusal.code, detail))
            }
            Some(signature) if is_wrong && !is_certain(signature, body) => Err(refusal),
            Some(Signature::Format(format)) => {
                let mut array = self.format(format, body)?;
                if is_wrong {
                    array.warn(Warning::ContentTypeMismatch);
                }
                Ok(array)
            }
            Some(Signature::Packed(packing)) => self.unpacked(packing, content_type, body),
            None => Err(refusal),
        }
    }

    fn format(&mut self, format: Format, body: &[u8]) -> Result<Array, Reject> {
        match format {
            Format::Json => self.json(body),
            Format::Npy => npy::decode(body, self.image),
            Format::Npz => npz::decode(body, &mut self.bytes, self.image),
            Format::Picture(picture) => picture::decode(body, picture, self),
        }
    }

    /// Unpacks `body`, and reads the result.
    fn unpacked(&mut self, packing: Packing, content_type: Option<&str>, body: &[u8]) -> Result<Array, Reject> {
        let inner = packing.unpack(body, &mut self.bytes)?;
        let content_type = inner.content_type.as_deref().or(content_type);
        if inner.body.is_empty() {
            return Err(Reject::new(Code::Empty, "nothing was packed: send at least one image"));
        }
        self.nested(|reader| reader.read(content_type, &inner.body))
    }

    /// Reads a message within this one.
    fn nested(&mut self, read: impl FnOnce(&mut Self) -> Result<Array, Reject>) -> Result<Array, Reject> {
        let Some(layers) = self.layers.checked_sub(1) else {
            let detail = format!("more than {MAX_LAYERS} messages within each other: send the innermost");
            return Err(Reject::new(Code::TooDeep, detail));
        };
        self.layers = layers;
        let array = read(self);
        self.layers += 1;
        array
    }

    fn unknown(&self, body: &[u8]) -> Reject {
        let ImageShape {
            height,
            width,
            channels,
        } = self.image;
        let bytes = match body.len() {
            1 => "1 byte".to_owned(),
            length => format!("{length} bytes"),
        };
        let detail = match is_text(body) {
            true => format!(
                "{bytes} of text in no known format, {}: send JSON with an image in it, or a NumPy file or a picture",
                quote(body)
            ),
            false => format!(
                "{bytes} in no known format: send a picture, a NumPy file or JSON; raw pixels need the content type \
                 `application/octet-stream;dtype=uint8`, or `;shape=N,{height},{width},{channels}`, or to be asked for (--raw)"
            ),
        };
        Reject::new(Code::UnknownFormat, detail)
    }
}

/// UTF-16 starts with bytes that may be pixels, unless the content type says JSON.
fn is_wide_json(signature: Signature, format: Format) -> bool {
    format == Format::Json && matches!(signature, Signature::Packed(Packing::Utf16 { .. } | Packing::Zlib))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
