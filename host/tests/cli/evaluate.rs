//! `host evaluate`: the figures match the golden answers, whatever the format of the images, and what does not fit is
//! reported.

use std::io::Write;

use image::{GrayImage, ImageFormat};
use serde_json::{Value, json};

use super::components::component;
use super::model::nearest;
use super::sandbox::{Sandbox, gzip, idx, model_file, npy, pixels, wait_for};

fn classifier() -> String {
    component("classifier").to_str().unwrap().to_owned()
}

/// The answers to the test images, by the model that the component is built with.
fn golden() -> Vec<usize> {
    serde_json::from_slice(&model_file("golden/answers-10000.json")).unwrap()
}

fn truth() -> Vec<usize> {
    let labels = host::images::test_labels().unwrap();
    labels.into_iter().map(usize::from).collect()
}

fn names() -> Vec<String> {
    let labels = String::from_utf8(model_file("labels.txt")).unwrap();
    labels.lines().map(str::to_owned).collect()
}

/// The confusion matrix of the first images.
fn matrix(images: usize) -> Vec<Vec<u64>> {
    let mut matrix = vec![vec![0; 10]; 10];
    for (class, answered) in truth().into_iter().zip(golden()).take(images) {
        matrix[class][answered] += 1;
    }
    matrix
}

fn right(images: usize) -> usize {
    let pairs = truth().into_iter().zip(golden()).take(images);
    pairs.filter(|(class, answered)| class == answered).count()
}

fn evaluate<'a>(classifier: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["evaluate", "--component", classifier][..], more].concat()
}

/// The JSON of a successful evaluation.
fn json_of(sandbox: &Sandbox, more: &[&str]) -> Value {
    let classifier = classifier();
    let printed = sandbox.succeed(&evaluate(&classifier, &[more, &["--format", "json"]].concat()));
    serde_json::from_str(&printed).unwrap()
}

/// Its figures are those of the first images.
fn assert_first(json: &Value, images: usize) {
    assert_eq!(
        (&json["images"], &json["right"]),
        (&json!(images), &json!(right(images)))
    );
    assert_eq!(json["accuracy"], json!(right(images) as f64 / images as f64));
    assert_eq!(json["matrix"], json!(matrix(images)));
    assert_eq!((&json["unclassified"], &json["labels"]), (&json!(0), &json!(names())));
}

/// One grey image as a PNG file.
fn png(pixels: &[u8]) -> Vec<u8> {
    let image = GrayImage::from_raw(28, 28, pixels.to_vec()).unwrap();
    let mut file = std::io::Cursor::new(Vec::new());
    image.write_to(&mut file, ImageFormat::Png).unwrap();
    file.into_inner()
}

/// The first test images as files, in a folder for each class.
fn write_folders(sandbox: &Sandbox, data: &str, images: usize) {
    let names = names();
    for (number, pixels) in pixels(images as u64).chunks_exact(784).enumerate() {
        let class = names[truth()[number]].replace('/', "_").to_lowercase();
        sandbox.write(&format!("{data}/{class}/{number:05}.png"), png(pixels));
    }
}

/// As `numpy.savez` writes it.
fn npz(arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut archive = rawzip::ZipArchiveWriter::new(&mut file);
    for (name, bytes) in arrays {
        let name = format!("{name}.npy");
        let (mut entry, config) = archive.new_file(&*name).start().unwrap();
        let mut writer = config.wrap(&mut entry);
        writer.write_all(bytes).unwrap();
        let (_, descriptor) = writer.finish().unwrap();
        entry.finish(descriptor).unwrap();
    }
    archive.finish().unwrap();
    file
}

/// Two thirds of the test images are nearest to the mean image of their own class.
#[test]
fn a_component_that_gives_classes_without_scores_is_evaluated() {
    let sandbox = Sandbox::new();
    let centroid = component("centroid");
    let json = sandbox.succeed(&evaluate(
        centroid.to_str().unwrap(),
        &["--format", "json", "--picture", "p.svg"],
    ));
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["images"], &json["unclassified"]), (&json!(10_000), &json!(0)));
    let accuracy = json["accuracy"].as_f64().unwrap();
    assert!((0.6..0.75).contains(&accuracy), "{accuracy}");
    assert_eq!(json["most_wrong"][0]["score"], Value::Null);
    assert!(sandbox.path("p.svg").is_file());
}

#[test]
fn the_built_in_images_give_the_figures_of_the_golden_answers() {
    let sandbox = Sandbox::new();
    let json = json_of(&sandbox, &[]);
    assert_first(&json, 10_000);
    let accuracy = json["accuracy"].as_f64().unwrap();
    let interval: Vec<f64> = serde_json::from_value(json["interval"].clone()).unwrap();
    assert!(
        interval[0] < accuracy && accuracy < interval[1] && interval[1] - interval[0] < 0.02,
        "{interval:?}"
    );
    for (class, figures) in json["classes"].as_array().unwrap().iter().enumerate() {
        let answered: u64 = matrix(10_000).iter().map(|row| row[class]).sum();
        let right = matrix(10_000)[class][class];
        assert_eq!(figures["label"], names()[class]);
        assert_eq!(
            (&figures["images"], &figures["answered"]),
            (&json!(1_000), &json!(answered))
        );
        assert_eq!(figures["recall"], json!(right as f64 / 1_000.0));
        assert_eq!(figures["precision"], json!(right as f64 / answered as f64));
    }
    let wrong = json["most_wrong"].as_array().unwrap();
    assert_eq!(wrong.len(), 40);
    for mistake in wrong {
        let image = mistake["image"].as_u64().unwrap() as usize;
        assert_eq!(mistake["label"], names()[truth()[image]]);
        assert_eq!(mistake["answered"], names()[golden()[image]]);
    }
    assert!(wrong.is_sorted_by_key(|mistake| -mistake["score"].as_f64().unwrap()));

    let ended = sandbox.host(&evaluate(&classifier(), &["--workers", "1", "--batch", "100"]));
    let text = String::from_utf8(ended.stdout).unwrap();
    assert!(
        text.contains(&format!("\naccuracy  {:.2} % (95 % interval ", accuracy * 100.0)),
        "{text}"
    );
    assert!(
        text.contains("\ndata      the built-in test images\nimages    10,000\n"),
        "{text}"
    );
    assert_eq!(
        text.matches("Ankle boot    ").count(),
        2,
        "in the table and in the matrix: {text}"
    );
    assert!(
        ended.stderr.starts_with("10,000 images classified, "),
        "{}",
        ended.stderr
    );
}

#[test]
fn pictures_in_a_folder_for_each_class_are_classified_as_they_are() {
    let sandbox = Sandbox::new();
    write_folders(&sandbox, "data/test", 60);
    sandbox.write("data/train/bag/1.png", png(&pixels(1)));
    assert_first(&json_of(&sandbox, &["--data", "data"]), 60);
    let json = json_of(&sandbox, &["--data", "data", "--split", "train"]);
    assert_eq!((&json["images"], &json["right"]), (&json!(1), &json!(0)));
    let mistake = &json["most_wrong"][0];
    assert_eq!(
        (&mistake["image"], &mistake["label"], &mistake["answered"]),
        (&json!("bag/1.png"), &json!("Bag"), &json!("Ankle boot"))
    );
}

#[test]
fn what_the_component_refuses_is_named_and_the_others_count() {
    let sandbox = Sandbox::new();
    write_folders(&sandbox, "data", 20);
    for number in 0..7 {
        sandbox.write(&format!("data/bag/x{number}.png"), b"\x89PNG\r\n\x1a\nand no more");
    }
    sandbox.write("data/bag/y.svg", b"RIFF");
    let ended = sandbox.host(&evaluate(&classifier(), &["--data", "data", "--format", "json"]));
    assert_eq!(ended.code, Some(6), "{}", ended.stderr);
    let (warning, rest) = ended.stderr.split_once('\n').unwrap();
    assert_eq!(
        warning,
        "warning: 1 entry is left out, because it is no picture (PNG, JPEG, WebP, GIF, BMP or TIFF): bag/y.svg"
    );
    let lines: Vec<_> = rest.lines().collect();
    assert!(
        lines[0].starts_with("not classified: bag/x0.png: rejected, bad-image: "),
        "{lines:?}"
    );
    assert_eq!(lines[5], "not classified: 2 more");
    assert_eq!(lines.last().unwrap(), &"error: 7 of 27 images were not classified");
    let json: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!((&json["images"], &json["right"]), (&json!(20), &json!(right(20))));
    assert_eq!(json["matrix"], json!(matrix(20)));
    assert_eq!((&json["unclassified"], &json["left_out"]), (&json!(7), &json!(1)));
    assert_eq!(json["first_unclassified"][6]["image"], "bag/x6.png");
}

#[test]
fn idx_and_npz_files_give_the_same_figures() {
    let sandbox = Sandbox::new();
    let classes: Vec<u8> = truth().into_iter().take(100).map(|class| class as u8).collect();
    let wide: Vec<u8> = classes
        .iter()
        .flat_map(|class| i64::from(*class).to_le_bytes())
        .collect();
    sandbox.write(
        "idx/train-images-idx3-ubyte.gz",
        gzip(&idx(&[100, 28, 28], &pixels(100))),
    );
    sandbox.write("idx/train-labels-idx1-ubyte.gz", gzip(&idx(&[100], &classes)));
    assert_first(&json_of(&sandbox, &["--data", "idx", "--split", "train"]), 100);
    let arrays = [
        ("x_test", npy("|u1", "(100, 28, 28)", &pixels(100))),
        ("y_test", npy("<i8", "(100,)", &wide)),
    ];
    sandbox.write("a.npz", npz(&arrays));
    assert_first(&json_of(&sandbox, &["--data", "a.npz", "--batch", "7"]), 100);
    let arrays = [
        ("images", npy("|u1", "(100, 28, 28, 1)", &pixels(100))),
        ("classes", npy("|u1", "(100, 1)", &classes)),
    ];
    sandbox.write("b.npz", npz(&arrays));
    assert_first(&json_of(&sandbox, &["--data", "b.npz", "--split", "train"]), 100);
}

#[test]
fn data_that_does_not_fit_is_refused_before_anything_is_classified() {
    let sandbox = Sandbox::new();
    let classifier = classifier();
    write_folders(&sandbox, "photos", 2);
    sandbox.write("photos/hat/1.png", png(&pixels(1)));
    sandbox.write("uneven/t10k-images-idx3-ubyte", idx(&[2, 28, 28], &pixels(2)));
    sandbox.write("uneven/t10k-labels-idx1-ubyte", idx(&[3], &[1, 2, 3]));
    sandbox.write("large/t10k-images-idx3-ubyte", idx(&[1, 32, 32], &[0; 1024]));
    sandbox.write("large/t10k-labels-idx1-ubyte", idx(&[1], &[1]));
    sandbox.write("eleven/train-images-idx3-ubyte", idx(&[2, 28, 28], &pixels(2)));
    sandbox.write("eleven/train-labels-idx1-ubyte", idx(&[2], &[9, 10]));
    sandbox.write("notes.txt", "hello");
    sandbox.write("empty/notes.txt", "hello");
    for (more, says) in [
        (&["--data", "photos"][..], &["'hat'", "T-shirt/top, Trouser"][..]),
        (&["--data", "uneven"], &["2 images and 3 labels"]),
        (&["--data", "large"], &["32x32x1", "28x28x1"]),
        (&["--data", "eleven"], &["no test images", "--split train"]),
        (
            &["--data", "eleven", "--split", "train"],
            &["image 1", "class 10", "0 to 9"],
        ),
        (&["--data", "notes.txt"], &["neither a folder nor an .npz file"]),
        (&["--data", "empty"], &["neither IDX files", "PNG"]),
        (&["--data", "missing"], &["cannot read missing"]),
        (&["--split", "train"], &["--data"]),
        (
            &["--picture", "no/such/folder/a.svg"],
            &["no/such/folder/a.svg", "--picture"],
        ),
    ] {
        sandbox.refuse(3, &evaluate(&classifier, more), says);
    }
}

#[test]
fn a_component_that_gives_no_scores_is_refused() {
    let sandbox = Sandbox::new();
    let puppet = component("puppet").to_str().unwrap().to_owned();
    sandbox.refuse(
        5,
        &evaluate(&puppet, &[]),
        &["cannot be asked", "text/plain", "profile=scores"],
    );
}

#[test]
fn another_model_is_measured_by_its_own_labels_and_size() {
    let sandbox = Sandbox::new();
    sandbox.write("tiny.onnx", model_file("golden/tiny.onnx"));
    // One image white at the top, one in the middle, one at the bottom; the last label is wrong.
    let image = |part: usize| (0..48).map(move |place| if place / 16 == part { 255 } else { 0 });
    let pixels: Vec<u8> = (0..3).flat_map(image).collect();
    let labels: Vec<u8> = ["middle", "bottom", "top"]
        .iter()
        .flat_map(|name| name.bytes().chain([0; 6]).take(6))
        .collect();
    let arrays = [
        ("images", npy("|u1", "(3, 6, 8)", &pixels)),
        ("classes", npy("|u1", "(3,)", &[2, 0, 0])),
        ("labels", npy("|S6", "(3,)", &labels)),
    ];
    sandbox.write("tiny.npz", npz(&arrays));
    let json = json_of(&sandbox, &["--model", "tiny.onnx", "--data", "tiny.npz"]);
    assert_eq!(json["labels"], json!(["top", "middle", "bottom"]));
    assert_eq!(json["matrix"], json!([[1, 0, 0], [0, 1, 1], [0, 0, 0]]));
    let mistake = &json["most_wrong"][0];
    assert_eq!((&mistake["image"], &mistake["answered"]), (&json!(2), &json!("bottom")));
    assert!((mistake["score"].as_f64().unwrap() - 0.9867).abs() < 1e-3, "{mistake}");
}

#[test]
fn the_test_images_are_counted_by_the_labels_of_a_model_and_without_any_it_is_said_what_is_assumed() {
    let sandbox = Sandbox::new();
    let classifier = classifier();
    sandbox.write("model.onnx", nearest(0.0, 255.0).file());
    sandbox.write("labels.txt", names().join("\n"));
    sandbox.write("animals.txt", "ant\nbee\ncat\ndog\neel\nfox\ngnu\nhen\nibis\njay\n");
    let run = |labels: &[&str]| {
        let arguments = [&["--model", "model.onnx", "--format", "json"], labels].concat();
        let ended = sandbox.host(&evaluate(&classifier, &arguments));
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let json: Value = serde_json::from_slice(&ended.stdout).unwrap();
        (json["classes"][9]["label"].clone(), json["right"].clone(), ended.stderr)
    };
    let (label, right, said) = run(&["--labels", "labels.txt"]);
    assert_eq!(label, "Ankle boot");
    assert!(right.as_u64().unwrap() > 6_000, "{right}");
    assert!(!said.contains("warning"), "{said}");
    let (label, same, said) = run(&[]);
    assert_eq!((label, same), (json!("9"), right));
    assert!(
        said.contains("warning: the model has no labels, only class numbers"),
        "{said}"
    );
    let (_, _, said) = run(&["--labels", "animals.txt"]);
    assert!(
        said.contains("labels are not those of the built-in test images"),
        "{said}"
    );
}

#[test]
fn the_picture_has_the_matrix_and_the_mistakes_with_their_labels_as_text() {
    let sandbox = Sandbox::new();
    let classifier = classifier();
    sandbox.succeed(&evaluate(&classifier, &["--picture", "a.svg"]));
    let picture = std::fs::read_to_string(sandbox.path("a.svg")).unwrap();
    assert!(picture.starts_with("<svg xmlns=") && picture.ends_with("</svg>\n"));
    assert_eq!(picture.matches("<image ").count(), 40);
    assert_eq!(picture.matches("predicted as Ankle boot: ").count(), 10);
    assert!(picture.contains(": right in 94.04 %"), "{}", &picture[..1000]);

    write_folders(&sandbox, "data", 3);
    sandbox.write("data/bag/1.png", png(&[123; 784]));
    let ended = sandbox.host(&evaluate(&classifier, &["--data", "data", "--picture", "b.svg"]));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let small = std::fs::read_to_string(sandbox.path("b.svg")).unwrap();
    assert!(small.len() < picture.len());
}

#[test]
fn a_picture_with_the_name_of_another_format_is_refused_with_the_right_name() {
    let sandbox = Sandbox::new();
    let said = sandbox.fail(2, &["evaluate", "--picture", "evaluation.png"]);
    assert!(said.contains("call it 'evaluation.svg'"), "{said}");
}

#[test]
fn an_interrupted_evaluation_says_so() {
    let sandbox = Sandbox::new();
    // Far more work than the signal takes.
    let large = GrayImage::from_fn(2_000, 2_000, |x, y| image::Luma([(x * y) as u8]));
    std::fs::create_dir_all(sandbox.path("data/bag")).unwrap();
    std::fs::create_dir_all(sandbox.path("data/shirt")).unwrap();
    large.save(sandbox.path("data/bag/0.png")).unwrap();
    for number in 1..1_000 {
        std::fs::hard_link(
            sandbox.path("data/bag/0.png"),
            sandbox.path(&format!("data/bag/{number}.png")),
        )
        .unwrap();
    }
    let running = sandbox.start(&evaluate(&classifier(), &["--data", "data"]));
    wait_for("the warning that stands before the first image", || {
        let said = std::fs::read_to_string(sandbox.path("stderr")).unwrap();
        said.contains("warning: the folder 'shirt' contains no").then_some(())
    });
    running.signal("INT");
    let ended = running.end();
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    assert!(
        ended.stdout.is_empty() && ended.stderr.contains("error: interrupted: "),
        "{}",
        ended.stderr
    );
}
