#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::io::Write;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

pub fn model(height: u32, width: u32, labels: &[&str]) -> Description {
    Description {
        name: "net".into(),
        version: "1".into(),
        model_sha256: Some("00".into()),
        height,
        width,
        channels: 1,
        labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        scores: Some("as they are".into()),
        max_images: 100,
        accepts: vec!["application/octet-stream".into()],
        produces: vec!["application/json;profile=scores".into()],
    }
}

fn two_by_one() -> Description {
    model(2, 1, &["Bag", "T-shirt/top", "Shoe"])
}

/// A folder that is removed afterwards.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    fn open(&self, split: Split) -> Result<Labelled, DataError> {
        Labelled::open(Some(self.0.path()), split, &two_by_one())
    }

    fn refusal(&self, split: Split) -> String {
        self.open(split).unwrap_err().to_string()
    }
}

fn idx(dimensions: &[u32], values: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, dimensions.len() as u8];
    file.extend(dimensions.iter().flat_map(|dimension| dimension.to_be_bytes()));
    file.extend(values);
    file
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn npy(descr: &str, shape: &str, values: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(values);
    file
}

/// As `numpy.savez` writes it, or `numpy.savez_compressed`.
fn npz(arrays: &[(&str, Vec<u8>)], packed: bool) -> Vec<u8> {
    let mut file = Vec::new();
    let mut archive = rawzip::ZipArchiveWriter::new(&mut file);
    for (name, bytes) in arrays {
        let name = format!("{name}.npy");
        let builder = archive.new_file(&*name);
        if packed {
            let builder = builder.compression_method(rawzip::CompressionMethod::DEFLATE);
            let (mut entry, config) = builder.start().unwrap();
            let encoder = flate2::write::DeflateEncoder::new(&mut entry, flate2::Compression::fast());
            let mut writer = config.wrap(encoder);
            writer.write_all(bytes).unwrap();
            let (encoder, descriptor) = writer.finish().unwrap();
            encoder.finish().unwrap();
            entry.finish(descriptor).unwrap();
        } else {
            let (mut entry, config) = builder.start().unwrap();
            let mut writer = config.wrap(&mut entry);
            writer.write_all(bytes).unwrap();
            let (_, descriptor) = writer.finish().unwrap();
            entry.finish(descriptor).unwrap();
        }
    }
    archive.finish().unwrap();
    file
}

fn open_npz(arrays: &[(&str, Vec<u8>)], split: Split) -> Result<Labelled, String> {
    let folder = Folder::new();
    let path = folder.write("a.npz", npz(arrays, true));
    Labelled::open(Some(&path), split, &two_by_one()).map_err(|error| error.to_string())
}

/// All of it, in portions of two: pixels and classes.
fn read_all(mut data: Labelled) -> (Vec<u8>, Vec<u32>) {
    let (mut pixels, mut classes) = (Vec::new(), Vec::new());
    while let Some(portion) = data.next(2, 1_000).unwrap() {
        assert_eq!(portion.first, classes.len() as u64);
        match portion.content {
            Content::Pixels(batch) => pixels.extend(batch.pixels),
            Content::File { bytes, .. } => pixels.extend(bytes.unwrap()),
        }
        classes.extend(portion.classes);
    }
    (pixels, classes)
}

const PIXELS: [u8; 6] = [1, 2, 3, 4, 5, 6];

#[test]
fn the_built_in_images_have_a_thousand_of_each_class() {
    let labels: Vec<_> = (0..10).map(|class| class.to_string()).collect();
    let labels: Vec<_> = labels.iter().map(String::as_str).collect();
    let data = Labelled::open(None, Split::Test, &model(28, 28, &labels)).unwrap();
    assert_eq!(data.left(), 10_000);
    let (pixels, classes) = read_all(data);
    assert_eq!(pixels.len(), 10_000 * 784);
    assert_eq!(classes.iter().filter(|class| **class == 9).count(), 1_000);
    let said = Labelled::open(None, Split::Train, &model(28, 28, &labels)).unwrap_err();
    assert!(said.to_string().contains("--data"), "{said}");
    let said = Labelled::open(None, Split::Test, &model(28, 28, &labels[..3])).unwrap_err();
    assert!(said.to_string().contains("the model's classes are 0 to 2"), "{said}");
}

#[test]
fn idx_files_of_either_split_are_read_gzipped_or_not() {
    let folder = Folder::new();
    folder.write("t10k-images-idx3-ubyte.gz", gzip(&idx(&[3, 2, 1], &PIXELS)));
    folder.write("t10k-labels-idx1-ubyte", idx(&[3], &[2, 0, 1]));
    folder.write("train-images-idx3-ubyte", idx(&[1, 2, 1], &[9, 8]));
    folder.write("train-labels-idx1-ubyte.gz", gzip(&idx(&[1], &[1])));
    assert_eq!(
        read_all(folder.open(Split::Test).unwrap()),
        (PIXELS.to_vec(), vec![2, 0, 1])
    );
    assert_eq!(read_all(folder.open(Split::Train).unwrap()), (vec![9, 8], vec![1]));
}

#[test]
fn the_other_split_alone_is_told_with_the_option() {
    let folder = Folder::new();
    folder.write("train-images-idx3-ubyte", idx(&[1, 2, 1], &[9, 8]));
    folder.write("train-labels-idx1-ubyte", idx(&[1], &[1]));
    let said = folder.refusal(Split::Test);
    assert!(
        said.contains("no test images, but train images") && said.contains("--split train"),
        "{said}"
    );
    let folder = Folder::new();
    folder.write("test/Bag/1.png", "");
    let said = folder.refusal(Split::Train);
    assert!(said.contains("--split test"), "{said}");
    let arrays = [
        ("x_train", npy("|u1", "(1, 2, 1)", &[1, 2])),
        ("y_train", npy("|u1", "(1,)", &[0])),
    ];
    let said = open_npz(&arrays, Split::Test).unwrap_err();
    assert!(said.contains("--split train"), "{said}");
}

#[test]
fn idx_files_that_do_not_fit_together_or_the_model_are_refused() {
    let labels = "t10k-labels-idx1-ubyte";
    for (images, classes, says) in [
        (idx(&[3, 2, 1], &PIXELS), idx(&[2], &[0, 1]), "3 images and 2 labels"),
        (
            idx(&[2, 3, 1], &PIXELS),
            idx(&[2], &[0, 1]),
            "are 3x1x1, and the model takes 2x1x1",
        ),
        (
            idx(&[3, 2, 1], &PIXELS),
            idx(&[3], &[0, 1]),
            "the header announces 3, and the file contains 2",
        ),
        (idx(&[3, 2, 1], &PIXELS), idx(&[3, 1], &[0, 1, 2]), "dimensions [3, 1]"),
        (
            idx(&[u32::MAX, 2, 1], &PIXELS),
            idx(&[u32::MAX], &[0, 1, 2]),
            "announces 4294967295 images; at most 16777216",
        ),
        (
            idx(&[3, 2, 1], &PIXELS),
            b"hello world".to_vec(),
            "t10k-labels-idx1-ubyte cannot be used",
        ),
        (
            idx(&[3, 2, 1], &PIXELS),
            vec![],
            "t10k-labels-idx1-ubyte cannot be used",
        ),
        (
            b"hello world".to_vec(),
            idx(&[3], &[0, 1, 2]),
            "t10k-images-idx3-ubyte cannot be used",
        ),
        (
            idx(&[3, 2, 1], &PIXELS),
            idx(&[3], &[0, 7, 1]),
            "image 1 of the test images of",
        ),
    ] {
        let folder = Folder::new();
        folder.write("t10k-images-idx3-ubyte", images);
        folder.write(labels, classes);
        let said = folder.refusal(Split::Test);
        assert!(said.contains(says), "{says}: {said}");
    }
    let folder = Folder::new();
    folder.write(labels, idx(&[3], &[0, 1, 2]));
    let said = folder.refusal(Split::Test);
    assert!(
        said.contains(labels) && said.contains("no t10k-images-idx3-ubyte"),
        "{said}"
    );
}

#[test]
fn pixels_that_are_cut_short_are_told_where_they_end() {
    let folder = Folder::new();
    folder.write("t10k-images-idx3-ubyte", idx(&[3, 2, 1], &PIXELS[..5]));
    folder.write("t10k-labels-idx1-ubyte", idx(&[3], &[0, 1, 2]));
    let mut data = folder.open(Split::Test).unwrap();
    assert!(data.next(2, 0).unwrap().is_some());
    let said = data.next(2, 0).unwrap_err().to_string();
    assert!(said.contains("announces 3 images and holds 2"), "{said}");
}

#[test]
fn a_folder_s_pictures_have_the_class_of_its_name() {
    let folder = Folder::new();
    folder.write("t-shirt_top/b.jpg", "2");
    folder.write("t-shirt_top/a.PNG", "1");
    folder.write("t-shirt_top/.b.jpg", "hidden");
    folder.write("Bag/c.jpeg", "0");
    folder.write(".hidden/d.png", "no class");
    let data = folder.open(Split::Test).unwrap();
    assert_eq!(data.left(), 3);
    assert_eq!(read_all(data), (b"012".to_vec(), vec![0, 1, 1]));
    let mut data = folder.open(Split::Train).unwrap();
    let portion = data.next(9, 0).unwrap().unwrap();
    assert_eq!(portion.name(0), ImageName::File("Bag/c.jpeg".into()));
    let Content::File { bytes, .. } = portion.content else {
        panic!("a file")
    };
    assert!(bytes.unwrap_err().contains("over the limit of 0 bytes"));
}

#[test]
fn what_is_left_out_of_a_folder_or_cannot_be_classified_is_said() {
    let folder = Folder::new();
    folder.write("Bag/a.png", b"\x89PNG\r\n\x1a\n");
    folder.write("Bag/b.svg", "RIFF");
    folder.write("Bag/c.jpg", "RIFF");
    folder.write("Shoe/notes.txt", "no picture");
    folder.write("readme.txt", "no class");
    let data = folder.open(Split::Test).unwrap();
    assert_eq!(
        data.warnings,
        [
            "the folder 'Shoe' contains no pictures (PNG, JPEG, WebP, GIF, BMP or TIFF)",
            "3 entries are left out, because they are no pictures (PNG, JPEG, WebP, GIF, BMP or TIFF): readme.txt, Bag/b.svg, Shoe/notes.txt",
        ]
    );
    assert_eq!((data.left(), data.left_out), (2, 3));
}

#[test]
fn folders_called_test_and_train_hold_the_splits_unless_they_hold_pictures() {
    let folder = Folder::new();
    folder.write("test/Bag/1.png", "a");
    folder.write("train/Shoe/2.png", "b");
    assert_eq!(read_all(folder.open(Split::Test).unwrap()), (b"a".to_vec(), vec![0]));
    assert_eq!(read_all(folder.open(Split::Train).unwrap()), (b"b".to_vec(), vec![2]));
    let folder = Folder::new();
    folder.write("train/1.png", "a");
    let model = model(2, 1, &["car", "train"]);
    let data = Labelled::open(Some(folder.0.path()), Split::Test, &model).unwrap();
    assert_eq!(read_all(data), (b"a".to_vec(), vec![1]));
}

#[test]
fn a_folder_without_a_label_or_without_pictures_is_refused() {
    let folder = Folder::new();
    folder.write("Bag/1.png", "");
    folder.write("Hat/1.png", "");
    let said = folder.refusal(Split::Test);
    assert!(
        said.contains("no label for the folder 'Hat'; its labels are Bag, T-shirt/top, Shoe"),
        "{said}"
    );
    let folder = Folder::new();
    folder.write("Bag/notes.txt", "");
    assert!(folder.refusal(Split::Test).contains("neither IDX files"));
    let folder = Folder::new();
    folder.write("notes.txt", "");
    assert!(folder.refusal(Split::Test).contains("neither IDX files"));
}

#[test]
fn what_is_neither_folder_nor_npz_is_refused() {
    let folder = Folder::new();
    let path = folder.write("a.txt", "hello");
    let said = Labelled::open(Some(&path), Split::Test, &two_by_one())
        .unwrap_err()
        .to_string();
    assert!(said.contains("a.txt is neither a folder nor an .npz file"), "{said}");
    let said = Labelled::open(Some(Path::new("no/such")), Split::Test, &two_by_one()).unwrap_err();
    assert!(said.to_string().contains("cannot read no/such"), "{said}");
}

#[test]
fn npz_files_are_read_packed_or_not_with_classes_of_any_integer() {
    let images = npy("|u1", "(3, 2, 1, 1)", &PIXELS);
    let wide: Vec<u8> = [2i64, 0, 1].iter().flat_map(|class| class.to_le_bytes()).collect();
    for (packed, classes) in [
        (true, npy("|u1", "(3,)", &[2, 0, 1])),
        (false, npy("<i8", "(3, 1)", &wide)),
        (false, npy("<u2", "(3,)", &[2, 0, 0, 0, 1, 0])),
    ] {
        for (names, split) in [
            (["x_test", "y_test"], Split::Test),
            (["x_train", "y_train"], Split::Train),
            (["images", "classes"], Split::Test),
            (["images", "classes"], Split::Train),
        ] {
            let folder = Folder::new();
            let arrays = [
                (names[1], classes.clone()),
                (names[0], images.clone()),
                ("other", vec![]),
            ];
            let path = folder.write("a.npz", npz(&arrays, packed));
            let data = Labelled::open(Some(&path), split, &two_by_one()).unwrap();
            assert_eq!(read_all(data), (PIXELS.to_vec(), vec![2, 0, 1]), "{names:?} {packed}");
        }
    }
}

#[test]
fn the_names_in_an_npz_file_are_matched_to_the_labels() {
    let text = |names: &[&str]| -> Vec<u8> {
        let padded = names.iter().flat_map(|name| name.chars().chain(['\0'; 12]).take(12));
        padded.flat_map(|c| u32::from(c).to_le_bytes()).collect()
    };
    let arrays = |labels: Vec<u8>| {
        [
            ("images", npy("|u1", "(3, 2, 1)", &PIXELS)),
            ("classes", npy("|u1", "(3,)", &[0, 1, 1])),
            ("labels", labels),
        ]
    };
    let wide = npy("<U12", "(2,)", &text(&["Shoe", "T-shirt/top"]));
    assert_eq!(read_all(open_npz(&arrays(wide), Split::Test).unwrap()).1, [2, 1, 1]);
    let narrow = npy("|S4", "(2,)", b"Bag\0Shoe");
    assert_eq!(read_all(open_npz(&arrays(narrow), Split::Test).unwrap()).1, [0, 2, 2]);
    let unknown = npy("<U12", "(2,)", &text(&["Shoe", "Hat"]));
    let said = open_npz(&arrays(unknown), Split::Test).unwrap_err();
    assert!(
        said.contains("'Hat'") && said.contains("Bag, T-shirt/top, Shoe"),
        "{said}"
    );
    let said = open_npz(&arrays(npy("|O", "(2,)", &[])), Split::Test).unwrap_err();
    assert!(said.contains("not text") && said.contains("dtype=str"), "{said}");
    let said = open_npz(&arrays(npy("|S4", "(1,)", b"Bag\0")), Split::Test).unwrap_err();
    assert!(said.contains("image 1 of") && said.contains("of class 1"), "{said}");
}

#[test]
fn arrays_that_do_not_fit_are_refused() {
    let images = || ("x_test", npy("|u1", "(3, 2, 1)", &PIXELS));
    let classes = || ("y_test", npy("|u1", "(3,)", &[0, 1, 2]));
    for (arrays, says) in [
        (vec![images()], "the array x_test, but no y_test"),
        (vec![("z", vec![])], "it has the arrays [z]; x_test and y_test"),
        (
            vec![images(), ("y_test", npy("|u1", "(2,)", &[0, 1]))],
            "3 images and 2 labels",
        ),
        (
            vec![images(), ("y_test", npy("|u1", "(3, 3)", &[0; 9]))],
            "shape [3, 3]",
        ),
        (
            vec![images(), ("y_test", npy("<f4", "(3,)", &[0; 12]))],
            "of type '<f4'",
        ),
        (
            vec![images(), ("y_test", npy("|u1", "(3,)", &[0]))],
            "3 are announced and 1 are there",
        ),
        (vec![images(), ("y_test", npy("|u1", "(3,)", &[0, 1, 3]))], "image 2 of"),
        (
            vec![("x_test", npy("|u1", "(3, 1, 2)", &PIXELS)), classes()],
            "are 1x2x1, and the model takes 2x1x1",
        ),
        (
            vec![("x_test", npy("<f4", "(3, 2, 1)", &PIXELS)), classes()],
            "x_test cannot be used",
        ),
        (
            vec![("x_test", b"hello world".to_vec()), classes()],
            "x_test cannot be used",
        ),
        (vec![("x_test", vec![]), classes()], "x_test cannot be used"),
    ] {
        let said = open_npz(&arrays, Split::Test).unwrap_err();
        assert!(said.contains(says), "{says}: {said}");
    }
}

#[test]
fn an_npz_file_that_is_broken_is_told() {
    let folder = Folder::new();
    let arrays = [
        ("x_test", npy("|u1", "(3, 2, 1)", &PIXELS)),
        ("y_test", npy("|u1", "(3,)", &[0, 1, 2])),
    ];
    let mut whole = npz(&arrays, false);
    let cut = folder.write("cut.npz", &whole[..whole.len() - 30]);
    let said = Labelled::open(Some(&cut), Split::Test, &two_by_one())
        .unwrap_err()
        .to_string();
    assert!(said.contains("not a complete zip file"), "{said}");
    let place = whole.windows(6).position(|bytes| bytes == PIXELS).unwrap();
    whole[place] = 77;
    let flipped = folder.write("flipped.npz", whole);
    let said = Labelled::open(Some(&flipped), Split::Test, &two_by_one()).unwrap_err();
    assert!(said.to_string().contains("flipped.npz: x_test"), "{said}");
}

#[test]
fn a_checksum_that_is_wrong_is_told_where_the_array_ends() {
    let folder = Folder::new();
    let pixels: Vec<u8> = (0..200_000u32).map(|number| (number % 251) as u8).collect();
    let images = npy("|u1", "(100000, 2, 1)", &pixels);
    let mut file = npz(
        &[("x_test", images), ("y_test", npy("|u1", "(100000,)", &[0; 100_000]))],
        false,
    );
    file[150_000] ^= 1;
    let path = folder.write("a.npz", file);
    let mut data = Labelled::open(Some(&path), Split::Test, &two_by_one()).unwrap();
    assert!(data.next(50_000, 0).unwrap().is_some());
    let said = data.next(50_000, 0).unwrap_err().to_string();
    assert!(said.contains("cannot read") && said.contains("a.npz: x_test"), "{said}");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>, flip in any::<prop::sample::Index>(), value: u8) {
        let folder = Folder::new();
        let arrays = [("images", npy("|u1", "(1, 2, 1)", &[1, 2])), ("classes", npy("|u1", "(1,)", &[0]))];
        let mut changed = npz(&arrays, true);
        let place = flip.index(changed.len());
        changed[place] = value;
        for bytes in [changed, [npz::MAGIC, &bytes].concat()] {
            let path = folder.write("a.npz", bytes);
            if let Ok(mut data) = Labelled::open(Some(&path), Split::Test, &two_by_one()) {
                while let Ok(Some(_)) = data.next(1, 10) {}
            }
        }
        folder.write("t10k-images-idx3-ubyte", idx(&[1, 2, 1], &[1, 2]));
        folder.write("t10k-labels-idx1-ubyte", [&[0, 0, 8, 1], &*bytes].concat());
        let _ = folder.open(Split::Test);
    }
}
