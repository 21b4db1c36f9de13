//! From the names and numbers in the data to the model's classes.

use std::collections::HashMap;
use std::io::Read;

use super::DataError;
use crate::classifier::Description;
use crate::terminal::printable;

/// How many labels an error names.
const NAMED: usize = 20;

/// Class numbers that are the model's.
pub fn of_model(
    data: &str,
    classes: impl Iterator<Item = Result<i128, DataError>>,
    model: &Description,
) -> Result<Vec<u32>, DataError> {
    let identity: Vec<u32> = (0..).take(model.labels.len()).collect();
    mapped(data, classes, &identity)
}

/// Class numbers, each replaced by `map`.
pub fn mapped(
    data: &str,
    classes: impl Iterator<Item = Result<i128, DataError>>,
    map: &[u32],
) -> Result<Vec<u32>, DataError> {
    let classes = classes.zip(0..).map(|(class, image)| {
        let class = class?;
        let place = usize::try_from(class).ok();
        let mapped = place.and_then(|place| map.get(place)).copied();
        mapped.ok_or_else(|| DataError::Class {
            data: data.to_owned(),
            image,
            class,
            last: map.len().saturating_sub(1),
        })
    });
    classes.collect()
}

/// The model's classes by their labels.
pub struct ByName<'a> {
    labels: &'a [String],
    exact: HashMap<&'a str, Vec<u32>>,
    alike: HashMap<String, Vec<u32>>,
}

impl<'a> ByName<'a> {
    /// Of a model.
    pub fn new(model: &'a Description) -> Self {
        let mut exact: HashMap<_, Vec<_>> = HashMap::new();
        let mut alike: HashMap<_, Vec<_>> = HashMap::new();
        for (label, class) in model.labels.iter().zip(0..) {
            exact.entry(label.as_str()).or_default().push(class);
            alike.entry(essence(label)).or_default().push(class);
        }
        let labels = &model.labels;
        Self { labels, exact, alike }
    }

    /// The class with this label: exactly, or ignoring case and signs such as `/`, which no folder's name can have.
    /// `what` says for people what has this name.
    pub fn class(&self, what: &str, name: &str) -> Result<u32, DataError> {
        let found = self.exact.get(name).or_else(|| self.alike.get(&essence(name)));
        match found.map(Vec::as_slice) {
            Some([class]) => Ok(*class),
            Some(several) => Err(DataError::Ambiguous {
                what: what.to_owned(),
                name: printable(name),
                labels: listed(several.iter().filter_map(|class| self.labels.get(*class as usize))),
            }),
            None => Err(DataError::NoLabel {
                what: what.to_owned(),
                name: printable(name),
                labels: listed(self.labels.iter()),
            }),
        }
    }
}

/// Letters and digits in lower case, with one `_` for everything between them.
fn essence(name: &str) -> String {
    let mut essence = String::with_capacity(name.len());
    for c in name.chars() {
        if c.is_alphanumeric() {
            essence.extend(c.to_lowercase());
        } else if !essence.ends_with('_') {
            essence.push('_');
        }
    }
    essence
}

/// The labels of the built-in test images, the first for class 0.
const TEST_LABELS: &str = include_str!("../../../../models/labels.txt");

/// The model's class for each class of the built-in test images, and the assumption if the model's labels do not
/// tell. Ten classes are not always these ten: without the warning, another model's answers would be counted as if
/// they were.
pub fn of_test_images(model: &Description) -> (Vec<u32>, Option<String>) {
    let by_name = ByName::new(model);
    let classes = TEST_LABELS.lines().map(|label| by_name.class("the test images", label));
    if let Ok(classes) = classes.collect() {
        return (classes, None);
    }
    let what = match model.has_only_numbers() {
        true => "the model has no labels, only class numbers",
        false => "the model's labels are not those of the built-in test images",
    };
    let names = TEST_LABELS.lines().collect::<Vec<_>>().join(", ");
    let assumed = format!(
        "{what}: its classes are taken to be, in this order, {names}; where they are, say so with --labels models/labels.txt, \
         and where they are not, these figures mean nothing: give other images with --data"
    );
    ((0..).take(model.labels.len()).collect(), Some(assumed))
}

fn listed<'a>(labels: impl Iterator<Item = &'a String>) -> String {
    let labels: Vec<_> = labels.collect();
    let first = labels.iter().take(NAMED).map(|label| label.as_str());
    let mut list = first.collect::<Vec<_>>().join(", ");
    if labels.len() > NAMED {
        list += &format!(" and {} more", labels.len() - NAMED);
    }
    list
}

/// An integer type of NumPy's, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Integer {
    bytes: usize,
    signed: bool,
}

impl Integer {
    /// By its `descr`. None: it is another type.
    pub fn new(descr: &str) -> Option<Self> {
        let (order, kind) = descr.split_at_checked(1)?;
        let (signed, bytes) = match kind {
            "u1" => (false, 1),
            "i1" => (true, 1),
            "u2" => (false, 2),
            "i2" => (true, 2),
            "u4" => (false, 4),
            "i4" => (true, 4),
            "u8" => (false, 8),
            "i8" => (true, 8),
            _ => return None,
        };
        let known = order == "<" || bytes == 1 && matches!(order, "|" | ">" | "=");
        known.then_some(Self { bytes, signed })
    }

    /// The next number; an error at the end of the reader.
    pub fn read(self, reader: &mut impl Read) -> std::io::Result<i128> {
        let mut bytes = [0; 8];
        if let Some(bytes) = bytes.get_mut(..self.bytes) {
            reader.read_exact(bytes)?;
        }
        let value = u64::from_le_bytes(bytes);
        let unused = 64 - 8 * self.bytes as u32;
        // Shifting up and back down extends the sign.
        Ok(match self.signed {
            true => i128::from((value << unused).cast_signed() >> unused),
            false => i128::from(value),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn model(labels: &[&str]) -> Description {
        super::super::tests::model(1, 1, labels)
    }

    fn class(labels: &[&str], name: &str) -> Result<u32, String> {
        let model = model(labels);
        let class = ByName::new(&model).class("the folder", name);
        class.map_err(|error| error.to_string())
    }

    #[test]
    fn a_name_is_matched_exactly_or_but_for_case_and_signs() {
        let labels = ["T-shirt/top", "Bag", "bag", "Füße 2"];
        assert_eq!(class(&labels, "T-shirt/top"), Ok(0));
        assert_eq!(class(&labels, "t-shirt_top"), Ok(0));
        assert_eq!(class(&labels, "Bag"), Ok(1));
        assert_eq!(class(&labels, "bag"), Ok(2));
        assert_eq!(class(&labels, "füße-2"), Ok(3));
        assert!(class(&labels, "tshirttop").is_err());
    }

    #[test]
    fn a_name_that_fits_none_or_several_is_told_with_the_labels() {
        let said = class(&["Bag", "Shirt"], "Hat\n").unwrap_err();
        assert_eq!(
            said,
            "the model has no label for the folder 'Hat\\n'; its labels are Bag, Shirt"
        );
        let said = class(&["Bag", "bag"], "BAG").unwrap_err();
        assert!(
            said.contains("'BAG' may mean several") && said.contains("Bag, bag"),
            "{said}"
        );
        let said = class(&["crane", "crane"], "crane").unwrap_err();
        assert!(said.contains("crane, crane"), "{said}");
    }

    #[test]
    fn of_many_labels_an_error_names_some() {
        let labels: Vec<_> = (0..1000).map(|number| format!("label {number}")).collect();
        let labels: Vec<_> = labels.iter().map(String::as_str).collect();
        let said = class(&labels, "Hat").unwrap_err();
        assert!(said.ends_with("label 19 and 980 more"), "{said}");
    }

    #[test]
    fn a_number_outside_of_the_classes_is_told_with_its_image() {
        let model = model(&["a", "b"]);
        assert_eq!(of_model("x", [0, 1, 1].map(Ok).into_iter(), &model).unwrap(), [0, 1, 1]);
        for wrong in [2, -1, i128::from(u64::MAX)] {
            let said = of_model("x", [0, wrong].map(Ok).into_iter(), &model)
                .unwrap_err()
                .to_string();
            assert_eq!(
                said,
                format!("image 1 of x (the first is 0) is of class {wrong}, and the model's classes are 0 to 1")
            );
        }
    }

    #[test]
    fn the_built_in_images_are_counted_by_label_and_what_is_assumed_without_is_said() {
        let known: Vec<_> = TEST_LABELS.lines().collect();
        let order: Vec<u32> = (0..10).collect();
        assert_eq!(of_test_images(&model(&known)), (order.clone(), None));
        let turned: Vec<_> = known.iter().rev().copied().collect();
        let backwards = order.iter().rev().copied().collect();
        assert_eq!(of_test_images(&model(&turned)), (backwards, None));
        let digits = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
        let (classes, assumed) = of_test_images(&model(&digits));
        assert_eq!(classes, order);
        let assumed = assumed.unwrap();
        for words in [
            "no labels, only class numbers",
            "T-shirt/top, Trouser",
            "--labels models/labels.txt",
            "--data",
        ] {
            assert!(assumed.contains(words), "{words}: {assumed}");
        }
        let animals = ["ant", "bee", "cat", "dog", "eel", "fox", "gnu", "hen", "ibis", "jay"];
        let assumed = of_test_images(&model(&animals)).1.unwrap();
        assert!(
            assumed.contains("labels are not those of the built-in test images"),
            "{assumed}"
        );
    }

    #[test]
    fn every_integer_type_is_read_with_its_sign() {
        for (descr, bytes, value) in [
            ("|u1", &[200][..], 200),
            ("|i1", &[200], -56),
            ("<u2", &[1, 2], 513),
            ("<i2", &[0xff, 0xff], -1),
            ("<u4", &[0xff, 0xff, 0xff, 0xff], 0xffff_ffff),
            ("<i4", &[0xfe, 0xff, 0xff, 0xff], -2),
            ("<u8", &[0xff; 8], i128::from(u64::MAX)),
            ("<i8", &[9, 0, 0, 0, 0, 0, 0, 0], 9),
        ] {
            let mut reader = bytes;
            assert_eq!(
                Integer::new(descr).unwrap().read(&mut reader).unwrap(),
                value,
                "{descr}"
            );
            assert!(reader.is_empty());
            assert!(Integer::new(descr).unwrap().read(&mut &bytes[1..]).is_err());
        }
        for descr in ["<f4", ">i4", "<U3", "|b1", "", "é", "<i3"] {
            assert_eq!(Integer::new(descr), None, "{descr}");
        }
    }
}
