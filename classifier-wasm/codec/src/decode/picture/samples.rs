//! Samples of 16 bits, brought to 8.

/// Which bits of 16 count. Some programs only fill the lower 8, so a picture that would be all black is read like
/// that.
#[derive(Debug, Clone, Copy)]
pub struct Words {
    /// Of a pixel, alpha included.
    samples: usize,
    has_alpha: bool,
    /// No colour is above 255.
    has_low_colours: bool,
    /// No pixel is more opaque than 255 of 65,535.
    has_low_alpha: bool,
}

impl Words {
    /// Before any were seen.
    pub fn new(channels: usize, has_alpha: bool) -> Words {
        Words {
            samples: channels + usize::from(has_alpha),
            has_alpha,
            has_low_colours: true,
            has_low_alpha: has_alpha,
        }
    }

    /// Looks at whole pixels; false: no others can change what was seen.
    pub fn look(&mut self, words: impl Iterator<Item = u16>) -> bool {
        for (at, word) in words.enumerate() {
            match self.is_alpha(at) {
                true => self.has_low_alpha &= word < 256,
                false => self.has_low_colours &= word < 256,
            }
        }
        self.has_low_colours || self.has_low_alpha
    }

    /// Whole pixels in 8 bits.
    pub fn narrow(self, words: impl Iterator<Item = u16>) -> impl Iterator<Item = u8> {
        words.enumerate().map(move |(at, word)| {
            let is_low = if self.is_alpha(at) {
                self.has_low_alpha
            } else {
                self.has_low_colours
            };
            match is_low {
                true => word.min(255) as u8,
                // To the nearest: 65,535 is 255 times 257.
                false => ((u32::from(word) + 128) / 257) as u8,
            }
        })
    }

    fn is_alpha(self, at: usize) -> bool {
        self.has_alpha && at % self.samples == self.samples - 1
    }
}
