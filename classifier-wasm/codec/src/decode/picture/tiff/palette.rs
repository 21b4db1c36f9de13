//! The palette of a TIFF, read and hidden by hand.
//!
//! The file's directory is a list of entries of 12 bytes: a tag, a type, a count, and the value or where that lies. Only what
//! stands at the beginning of the first directory is looked at; what is odd is left to the decoder to refuse.

use super::super::fault::damaged;
use super::super::raster::Pixels;
use super::super::samples::Words;
use crate::reject::Reject;

const PHOTOMETRIC: u16 = 262;
const COLOUR_MAP: u16 = 320;
/// The values of the first: grey, and places in a palette.
const GREY: u16 = 1;
const IN_PALETTE: u16 = 3;
/// The type of both: numbers of 16 bits.
const SHORT: u16 = 3;

/// The palette of a file.
#[derive(Debug)]
pub struct Palette {
    /// Where the file says that it has one.
    said: usize,
    is_big_endian: bool,
    /// All reds, all greens, all blues, of 16 bits.
    map: Vec<u16>,
}

impl Palette {
    /// The palette of `body`; None: it has none, or is damaged.
    pub fn find(body: &[u8]) -> Option<Palette> {
        let is_big_endian = match body.get(..4)? {
            [b'M', b'M', 0, 42] => true,
            [b'I', b'I', 42, 0] => false,
            _ => return None,
        };
        let short = |at: usize| {
            let bytes = *body.get(at..)?.first_chunk::<2>()?;
            Some(if is_big_endian {
                u16::from_be_bytes(bytes)
            } else {
                u16::from_le_bytes(bytes)
            })
        };
        let long = |at: usize| {
            let bytes = *body.get(at..)?.first_chunk::<4>()?;
            let long = if is_big_endian {
                u32::from_be_bytes(bytes)
            } else {
                u32::from_le_bytes(bytes)
            };
            Some(long as usize)
        };
        let directory = long(4)?;
        let entries = usize::from(short(directory)?);
        let entry = |tag: u16| {
            let mut places = (0..entries).map(|entry| directory.saturating_add(2 + 12 * entry));
            places.find(|at| short(*at) == Some(tag) && short(at + 2) == Some(SHORT))
        };
        let said = entry(PHOTOMETRIC)? + 8;
        if short(said)? != IN_PALETTE {
            return None;
        }
        let map = entry(COLOUR_MAP)?;
        let (length, place) = (long(map + 4)?, long(map + 8)?);
        // 8 bits at most, and three colours.
        if length > 3 << 8 || length % 3 != 0 {
            return None;
        }
        let map = (0..length)
            .map(|at| short(place.checked_add(2 * at)?))
            .collect::<Option<_>>()?;
        Some(Palette {
            said,
            is_big_endian,
            map,
        })
    }

    /// The file as if its samples were grey values.
    pub fn hidden(&self, body: &[u8]) -> Vec<u8> {
        let mut body = body.to_vec();
        let grey = if self.is_big_endian {
            GREY.to_be_bytes()
        } else {
            GREY.to_le_bytes()
        };
        let said = body.get_mut(self.said..).unwrap_or_default().iter_mut();
        said.zip(grey).for_each(|(said, grey)| *said = grey);
        body
    }

    /// The colours at `places` in the palette, red, green and blue.
    pub fn colours(&self, places: &[u8]) -> Result<Pixels, Reject> {
        let length = self.map.len() / 3;
        // As with samples of 16 bits, some programs fill the lower 8 alone.
        let mut words = Words::new(1, false);
        words.look(self.map.iter().copied());
        let map: Vec<u8> = words.narrow(self.map.iter().copied()).collect();
        let colour = |place: u8| {
            let at = |colour: usize| map.get(colour * length + usize::from(place)).copied();
            (usize::from(place) < length).then_some([at(0)?, at(1)?, at(2)?])
        };
        let colours: Option<Vec<[u8; 3]>> = places.iter().map(|place| colour(*place)).collect();
        let colours = colours.ok_or_else(|| damaged("TIFF", "a pixel beyond the end of its palette"))?;
        Ok(Pixels::Bytes(colours.into_flattened()))
    }
}
