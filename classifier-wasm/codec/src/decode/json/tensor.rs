//! `{"inputs": ...}`: of TensorFlow Serving by columns, and of the Open Inference Protocol, which KServe calls version 2.
//!
//! The protocol's request has a list of tensors, each `{"name", "shape", "datatype", "data"}`. Its data is nested or flat; the
//! shape tells how many images there are, and has to have as many values as there are.

use super::cursor::Cursor;
use super::object::{Members, bad};
use super::{Reader, nested_list};
use crate::decode::array::{Array, Kind};
use crate::reject::{Code, Reject, quote};

/// Types of numbers; strings are `BYTES`, and bits `BOOL`.
const NUMBERS: [&str; 12] = [
    "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "BF16", "FP32", "FP64",
];

impl Reader<'_> {
    /// The value of `inputs`.
    pub(super) fn inputs(&mut self, cursor: &mut Cursor) -> Result<Array, Reject> {
        let mut ahead = *cursor;
        if (ahead.peek_token(), ahead.peek_inside()) != (Some(b'['), Some(b'{')) {
            return self.value(cursor);
        }
        ahead.advance(1);
        let first = Members::read(&mut ahead)?;
        if first.get("datatype").is_none() && first.get("data").is_none() {
            return self.value(cursor);
        }
        if ahead.next_item(false)? {
            let second = Members::read(&mut ahead)?;
            let names = [first.text("name")?, second.text("name")?].map(|name| quote(name.unwrap_or_default()));
            return Err(bad(format!(
                "inputs {}: send the one with the images",
                names.join(" and ")
            )));
        }
        self.tensor(&first)
    }

    fn tensor(&mut self, members: &Members) -> Result<Array, Reject> {
        let datatype = members
            .text("datatype")?
            .ok_or_else(|| bad("an input without a `datatype`: send \"UINT8\" or \"FP32\""))?;
        let shape = shape(members)?;
        let mut data = members
            .get("data")
            .ok_or_else(|| bad("an input without `data`: send it as JSON, without the binary extension"))?;
        if datatype == "BYTES" {
            let array = self.items_at_any_depth(&mut data)?;
            return counted(array.count, &shape, "strings").map(|()| array);
        }
        let is_bool = datatype == "BOOL";
        if !is_bool && !NUMBERS.contains(&&*datatype) {
            let detail = format!(
                "datatype {}: send UINT8, FP32, BYTES or another of the protocol",
                quote(&datatype)
            );
            return Err(bad(detail));
        }
        if data.peek_token() != Some(b'[') {
            return Err(bad(format!("`data` is {}: send a list of numbers", quote(data.rest()))));
        }
        let limit = self.image.max_images() * self.image.values();
        let list = nested_list::parse_with(&mut data, limit, is_bool)?;
        counted(list.pixels.len(), &shape, "values")?;
        let kind = if is_bool { Kind::Bits } else { Kind::Numbers };
        Array::of_tensor(&shape, list.pixels, kind, self.image)
    }

    /// Strings, each possibly in a list of its own.
    fn items_at_any_depth(&mut self, data: &mut Cursor) -> Result<Array, Reject> {
        if (data.peek_token(), data.peek_inside()) != (Some(b'['), Some(b'[')) {
            return self.list(data);
        }
        let mut all: Option<Array> = None;
        data.advance(1);
        while data.next_item(all.is_none())? {
            let item = self.list(data)?;
            match &mut all {
                Some(all) => all.append(item, self.image)?,
                None => all = Some(item),
            }
        }
        all.ok_or_else(|| Reject::new(Code::Empty, "an empty list: send at least one image"))
    }
}

fn shape(members: &Members) -> Result<Vec<usize>, Reject> {
    let mut list = members
        .get("shape")
        .ok_or_else(|| bad("an input without a `shape`: send one like [1, 28, 28, 1]"))?;
    let malformed = |list: &Cursor| {
        let detail = format!("`shape` is {}: send one like [1, 28, 28, 1]", quote(list.rest()));
        Reject::new(Code::BadShape, detail)
    };
    let mut shape = Vec::new();
    let whole = list;
    if list.peek_token() != Some(b'[') {
        return Err(malformed(&whole));
    }
    list.advance(1);
    while list.next_item(shape.is_empty())? {
        list.peek_token();
        let digits = list.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        let text = list.rest().get(..digits).and_then(|digits| str::from_utf8(digits).ok());
        let length = text.and_then(crate::images::length).ok_or_else(|| malformed(&whole))?;
        if shape.len() == crate::images::MAX_RANK {
            return Err(malformed(&whole));
        }
        shape.push(length);
        list.advance(digits);
    }
    Ok(shape)
}

/// Refuses another number of values than `shape` says.
fn counted(count: usize, shape: &[usize], what: &str) -> Result<(), Reject> {
    let said = shape
        .iter()
        .try_fold(1usize, |product, length| product.checked_mul(*length));
    if said == Some(count) {
        return Ok(());
    }
    let lengths: Vec<_> = shape.iter().map(usize::to_string).collect();
    let detail = format!("`shape` is ({}), and `data` has {count} {what}", lengths.join(", "));
    Err(Reject::new(Code::BadShape, detail))
}
