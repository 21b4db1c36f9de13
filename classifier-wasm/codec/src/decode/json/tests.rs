use super::*;
use crate::decode::{Decoded, decode};
use crate::images::{ImageShape, Images};
use crate::prepare::Prepare;

const TINY: ImageShape = ImageShape {
    height: 2,
    width: 2,
    channels: 1,
};

fn read(json: &str) -> Result<Decoded, Reject> {
    decode(Some("application/json"), json.as_bytes(), &Prepare::default(), TINY)
}

/// How many images there are, and their values.
fn decoded(json: &str) -> Result<Images, Reject> {
    read(json).map(|decoded| decoded.images)
}

fn reject(json: &str) -> Reject {
    decoded(json).unwrap_err()
}

#[test]
fn the_message_of_python_producers_is_read() {
    let array = decoded(r#""{\"array\": [[[[0], [1]], [[2], [255]]], [[[3], [4]], [[5], [6]]]]}""#).unwrap();
    assert_eq!(array.count(), 2);
    assert_eq!(array.values(), [0.0, 1.0, 2.0, 255.0, 3.0, 4.0, 5.0, 6.0]);
}

#[test]
fn objects_lists_and_every_escape_are_read() {
    for json in [
        r#"{"array": [[0, 1], [2, 255]]}"#,
        r#"[[0,1],[2,255]]"#,
        r#" "\u007b\"\u0061rray\":\n[[0,\t1],[2,255]]}" "#,
        r#"{"id": [{"deep": "]}\""}, 1e999, null], "array": [[0, 1], [2, 255]], "é": true}"#,
        r#"{"\u0061rray": [[0, 1], [2, 2.55e2]]}"#,
    ] {
        assert_eq!(decoded(json).unwrap().values(), [0.0, 1.0, 2.0, 255.0], "{json}");
    }
}

#[test]
fn an_object_needs_one_array() {
    for json in [
        "{}",
        r#"{"arrays": [[0, 1], [2, 3]]}"#,
        r#"{"array": null}"#,
        r#"{"array": "[[0]]"}"#,
    ] {
        assert_eq!(reject(json).code, Code::BadArray, "{json}");
    }
    assert_eq!(
        reject(r#"{"array": [[0, 1], [2, 3]], "array": [[0, 1], [2, 3]]}"#).code,
        Code::BadArray
    );
}

#[test]
fn what_is_not_json_is_refused_with_its_position() {
    for (json, place) in [
        (r#""{\"array\": [[0, 1], [2, 3]"#, "ends after"),
        (r#""{\"array\": [[0, 1], [2, 3]""#, "ends after 25 bytes"),
        ("[[0,1],[2,3]] x", "byte 14 is `x`"),
        (r#""[[0,1],[2,3]]" "x""#, "byte 16"),
        (r#""\"[[0,1],[2,3]]\"""#, "byte 0 is `\\\"`"),
        ("hello", "byte 0 is `h`"),
        (r#"{"array": [[0, 1], [2, 3]],}"#, "byte 27"),
        (r#"{"array" [[0, 1], [2, 3]]}"#, "byte 9 is `[`"),
        (r#"{array: [[0, 1], [2, 3]]}"#, "byte 1 is `a`"),
        (r#"{"a": tru, "array": [[0, 1], [2, 3]]}"#, "byte 6"),
        ("42", "byte 0 is `4`"),
        ("{", "ends after 1 bytes"),
    ] {
        let reject = reject(json);
        assert_eq!(reject.code, Code::NotJson, "{json}: {reject}");
        assert!(reject.detail.contains(place), "{json}: {reject}");
    }
}

#[test]
fn nesting_in_a_skipped_member_is_harmless() {
    let json = format!(
        r#"{{"x": {}{}, "array": [[0, 1], [2, 3]]}}"#,
        "[".repeat(200_000),
        "]".repeat(200_000)
    );
    assert_eq!(decoded(&json).unwrap().count(), 1);
    assert_eq!(
        reject(&format!(r#"{{"x": {}"#, "[".repeat(200_000))).code,
        Code::NotJson
    );
}

#[test]
fn a_byte_order_mark_counts_in_neither_encoding() {
    for json in [
        "\u{feff}{\"array\": [[0, 1], [2, 3]]}",
        "\u{feff} \"[[0, 1], [2, 3]]\"",
        "\"\u{feff}[[0, 1], [2, 3]]\"",
    ] {
        assert_eq!(decoded(json).unwrap().values(), [0.0, 1.0, 2.0, 3.0], "{json}");
    }
    assert_eq!(reject("[[0, 1], [2, 3]]\u{feff}").code, Code::NotJson);
}

#[test]
fn what_python_writes_into_other_members_is_skipped_in_both_encodings() {
    for others in [
        r#""loss": NaN"#,
        r#""a": [Infinity, {"b": -Infinity}]"#,
        r#""user": "\ud83d""#,
        r#""user": "\ude00\ud83d", "\ud83d": 1"#,
    ] {
        let once = format!("{{{others}, \"array\": [[0, 1], [2, 3]]}}");
        let twice = serde_json::to_string(&once).unwrap();
        // The half of a pair itself within the string that is a string within the string.
        let bare = twice.replace("\\\\u", "\\u");
        for json in [once, twice, bare] {
            assert_eq!(decoded(&json).unwrap().values(), [0.0, 1.0, 2.0, 3.0], "{json}");
        }
    }
}

#[test]
fn what_follows_the_end_is_refused_in_both_encodings() {
    for json in [
        "[[0, 1], [2, 3]]\0",
        "\"[[0, 1], [2, 3]]\"\0",
        "\"[[0, 1], [2, 3]]\\u0000\"",
    ] {
        assert_eq!(reject(json).code, Code::NotJson, "{json}");
    }
}

#[test]
fn white_space_alone_is_empty() {
    assert_eq!(reject(" \n").code, Code::Empty);
    assert_eq!(reject(r#""""#).code, Code::Empty);
}

/// Bytes in Base64 of the standard alphabet.
fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// A NumPy file of one image.
fn npy(values: [u8; 4]) -> Vec<u8> {
    let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2), }\n";
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), &values].concat()
}

#[test]
fn encoded_arrays_stand_wherever_a_list_could() {
    let text = base64(&npy([0, 1, 2, 255]));
    for json in [
        format!("\"{text}\""),
        format!("\"data:application/x-npy;base64,{text}\""),
        format!("{{\"array\": \"{text}\"}}"),
        format!("{{\"b64\": \"{text}\"}}"),
        format!("[\"{text}\"]"),
        format!("{{\"instances\": [{{\"b64\": \"{text}\"}}]}}"),
        format!("{{\"instances\": [{{\"image_bytes\": {{\"b64\": \"{text}\"}}, \"key\": \"0\"}}]}}"),
        format!("{{\"instances\": [{{\"image\": \"{text}\", \"key\": \"first\"}}]}}"),
        format!(
            "{{\"inputs\": [{{\"name\": \"x\", \"shape\": [1, 1], \"datatype\": \"BYTES\", \"data\": [[\"{text}\"]]}}]}}"
        ),
        format!("{{\"specversion\": \"1.0\", \"data_base64\": \"{text}\"}}"),
        format!("{{\"data\": \"{text}\", \"datacontenttype\": \"application/x-npy\", \"specversion\": \"1.0\"}}"),
    ] {
        let twice = serde_json::to_string(&json).unwrap();
        for json in [&json, &twice] {
            if json.starts_with("\"\\\"") {
                continue; // A string in a string is none of them.
            }
            assert_eq!(decoded(json).unwrap().values(), [0.0, 1.0, 2.0, 255.0], "{json}");
        }
    }
    let marked = format!("\u{feff}{text}\r\n");
    let bare = decode(None, marked.as_bytes(), &Prepare::default(), TINY).unwrap();
    assert_eq!(bare.images.values(), [0.0, 1.0, 2.0, 255.0]);
    let two = format!("[\"{text}\", \"{}\"]", base64(&npy([9, 9, 9, 9])));
    assert_eq!(decoded(&two).unwrap().count(), 2);
}

#[test]
fn what_servers_of_models_are_sent_is_read() {
    for json in [
        r#"{"instances": [[[0, 1], [2, 255]]]}"#,
        r#"{"signature_name": "serving_default", "instances": [[0, 1, 2, 255]]}"#,
        r#"{"instances": [{"input": [[0, 1], [2, 255]], "id": 7}]}"#,
        r#"{"inputs": [[[0, 1], [2, 255]]]}"#,
        r#"{"inputs": {"input": [[[[0], [1]], [[2], [255]]]]}}"#,
        r#"{"id": "1", "inputs": [{"name": "x", "shape": [1, 4], "datatype": "UINT8", "data": [0, 1, 2, 255]}]}"#,
        r#"{"inputs": [{"data": [0.0, 1.0, 2.0, 255.0], "datatype": "FP32", "shape": [1, 1, 2, 2], "name": "x"}]}"#,
        r#"{"inputs": [{"name": "x", "shape": [2, 2], "datatype": "INT64", "data": [[0, 1], [2, 255]]}]}"#,
        r#"{"specversion": "1.0", "data": {"array": [[0, 1], [2, 255]]}}"#,
        r#"{"data": [[0, 1], [2, 255]], "specversion": "1.0", "datacontenttype": "application/json"}"#,
        r#"{"specversion": "1.0", "data": "{\"array\": [[0, 1], [2, 255]]}"}"#,
        r#"{"specversion": "1.0", "datacontenttype": "text/json", "data": {"instances": [[0, 1, 2, 255]]}}"#,
    ] {
        assert_eq!(decoded(json).unwrap().values(), [0.0, 1.0, 2.0, 255.0], "{json}");
    }
    let bits = r#"{"inputs": [{"name": "x", "shape": [2, 2], "datatype": "BOOL", "data": [true, false, 1, 0]}]}"#;
    assert_eq!(decoded(bits).unwrap().values(), [255.0, 0.0, 255.0, 0.0]);
    let two = r#"{"instances": [{"x": [[0, 1], [2, 3]]}, {"x": [[4, 5], [6, 7]]}]}"#;
    assert_eq!(decoded(two).unwrap().values(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
}

#[test]
fn what_may_be_meant_in_two_ways_is_refused_with_the_names() {
    for (json, code, names) in [
        (
            r#"{"instances": [], "inputs": []}"#,
            Code::BadArray,
            "`instances` and `inputs`",
        ),
        (
            r#"{"instances": [{"left": [[0, 1], [2, 3]], "right": [[0, 1], [2, 3]]}]}"#,
            Code::BadArray,
            "`left`, `right`",
        ),
        (
            r#"{"inputs": [{"name": "a", "datatype": "UINT8"}, {"name": "b", "datatype": "UINT8"}]}"#,
            Code::BadArray,
            "`a` and `b`",
        ),
        (r#"{"instances": [{"id": 7}]}"#, Code::BadArray, "nothing is a list"),
        (
            r#"{"instances": [{"specversion": "1.0", "data": 1}]}"#,
            Code::BadArray,
            "a batch of CloudEvents",
        ),
        (
            r#"{"specversion": "1.0", "id": "7"}"#,
            Code::BadArray,
            "a CloudEvent without",
        ),
        (
            r#"{"specversion": "1.0", "data_base64": "!"}"#,
            Code::BadEncoding,
            "Base64",
        ),
        (
            r#"{"inputs": [{"shape": [1, 3], "datatype": "UINT8", "data": [0, 1, 2, 3]}]}"#,
            Code::BadShape,
            "`shape` is (1, 3), and `data` has 4 values",
        ),
        (
            r#"{"inputs": [{"shape": [4], "datatype": "TEXT", "data": [1]}]}"#,
            Code::BadArray,
            "datatype `TEXT`",
        ),
        (
            r#"{"inputs": [{"shape": "4", "datatype": "UINT8", "data": [1]}]}"#,
            Code::BadShape,
            "`shape` is",
        ),
        (
            r#"{"inputs": [{"shape": [4], "data": [1]}]}"#,
            Code::BadArray,
            "without a `datatype`",
        ),
        (
            r#"{"instances": ["hello"]}"#,
            Code::BadArray,
            "`hello` is neither a list",
        ),
    ] {
        let reject = reject(json);
        assert_eq!(reject.code, code, "{json}: {reject}");
        assert!(reject.detail.contains(names), "{json}: {reject}");
    }
}

#[test]
fn a_member_array_wins_and_what_is_beside_it_is_not_looked_at() {
    let json =
        r#"{"instances": [{"a": 1}], "specversion": "1.0", "data": NaN, "array": [[0, 1], [2, 3]], "inputs": 7}"#;
    assert_eq!(decoded(json).unwrap().values(), [0.0, 1.0, 2.0, 3.0]);
}

#[test]
fn messages_within_messages_end_somewhere() {
    let json = format!(
        "{}[[0, 1], [2, 3]]{}",
        r#"{"specversion": "1.0", "data": "#.repeat(100_000),
        "}".repeat(100_000)
    );
    assert_eq!(reject(&json).code, Code::TooDeep);
    let json = format!(
        "{{\"instances\": {}{}}}",
        r#"[{"x": {"b64": "#.repeat(50_000),
        "}}]".repeat(50_000)
    );
    assert!(decoded(&json).is_err());
    let mut text = base64(&npy([0, 1, 2, 3]));
    for _ in 0..3 {
        text = base64(format!("[\"{text}\"]").as_bytes());
    }
    assert_eq!(decoded(&format!("\"{text}\"")).unwrap().count(), 1);
    for _ in 0..3 {
        text = base64(format!("[\"{text}\"]").as_bytes());
    }
    assert_eq!(reject(&format!("\"{text}\"")).code, Code::TooDeep);
}
