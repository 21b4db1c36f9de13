//! What a person sees: the real binary in a terminal of 80 x 24 and one of 140 x 40, its screens kept as text and compared.
//!
//! A test starts commands at a [`Desk`](terminal::Desk), an empty folder with `host` on the `PATH`, waits until a
//! [`Terminal`](terminal::Terminal) shows something, types, and compares what then stands there with a file of this folder by
//! [`Terminal::assert_shows`](terminal::Terminal::assert_shows). `UPDATE_SCREENS=1` writes the files anew, for review.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[path = "../components/mod.rs"]
mod components;
mod first_hour;
mod kept;
mod terminal;
