//! The types of functions as text, of `wit/classifier.wit` and of a component: equal text, equal types.

use wasmparser::component_types::{ComponentDefinedType, ComponentFuncType, ComponentValType};
use wasmparser::types::TypesRef;

/// How much of a difference to show, in characters.
const SHOWN: usize = 80;

/// The functions of the contract: interface, name, and type as written by [`of`].
pub(super) fn contract() -> [(&'static str, &'static str, String); 4] {
    let cause = "record{code: string, detail: string}";
    let error = format!("variant{{reject({cause}), retry({cause})}}");
    let description = "record{name: string, version: string, model-sha256: string, height: u32, width: u32, channels: u32, \
                       labels: list<string>, scores: string, max-images: u32, accepts: list<string>, produces: list<string>}";
    let request =
        "record{content-type: option<string>, accept: option<string>, prepare: option<string>, body: list<u8>}";
    let reply = format!("record{{content-type: string, images: u32, warnings: list<{cause}>, body: list<u8>}}");
    let images = "record{count: u32, pixels: variant{u8s(list<u8>), f32s(list<f32>)}}";
    [
        ("model", "describe", format!("func() -> {description}")),
        (
            "model",
            "load",
            format!("func(onnx: list<u8>, labels: list<string>) -> result<{description}, {error}>"),
        ),
        (
            "messages",
            "classify",
            format!("func(requests: list<{request}>) -> list<result<{reply}, {error}>>"),
        ),
        (
            "tensors",
            "predict",
            format!("func(images: {images}) -> result<list<f32>, {error}>"),
        ),
    ]
}

/// A function's type, with every type that it names written out. Its length is bounded by the parser's limit for a
/// type.
pub(super) fn of(function: &ComponentFuncType, types: TypesRef) -> String {
    let parameters = function.params.iter();
    let parameters = parameters.map(|(name, ty)| format!("{name}: {}", value(*ty, types)));
    let result = function
        .result
        .map_or_else(String::new, |ty| format!(" -> {}", value(ty, types)));
    format!("func({}){result}", joined(parameters))
}

/// The first difference between two texts, shown for each.
pub(super) fn difference<'a>(one: &'a str, other: &'a str) -> (&'a str, &'a str) {
    let same = one.char_indices().zip(other.chars());
    let differs = same.clone().find(|((_, one), other)| one != other);
    let differs = differs.map_or(one.len().min(other.len()), |((index, _), _)| index);
    // From the name whose type differs.
    let before = one.get(..differs).unwrap_or_default();
    let begins = before.rfind([' ', '(', '{', '<']).map_or(0, |index| index + 1);
    let shown = |text: &'a str| {
        let rest = text.get(begins..).unwrap_or_default();
        let end = rest.char_indices().nth(SHOWN).map_or(rest.len(), |(index, _)| index);
        rest.get(..end).unwrap_or_default()
    };
    (shown(one), shown(other))
}

fn value(ty: ComponentValType, types: TypesRef) -> String {
    let id = match ty {
        ComponentValType::Primitive(primitive) => return primitive.to_string(),
        ComponentValType::Type(id) => id,
    };
    let of = |ty: &ComponentValType| value(*ty, types);
    let part = |ty: &Option<ComponentValType>| ty.as_ref().map_or_else(|| "_".to_owned(), of);
    let Some(defined) = types.get(id) else {
        return "unknown".to_owned();
    };
    match defined {
        ComponentDefinedType::Primitive(primitive) => primitive.to_string(),
        ComponentDefinedType::Record(record) => {
            let fields = record.fields.iter().map(|(name, ty)| format!("{name}: {}", of(ty)));
            format!("record{{{}}}", joined(fields))
        }
        ComponentDefinedType::Variant(variant) => {
            let cases = variant.cases.iter().map(|(name, case)| match &case.ty {
                Some(ty) => format!("{name}({})", of(ty)),
                None => name.to_string(),
            });
            format!("variant{{{}}}", joined(cases))
        }
        ComponentDefinedType::List { element, .. } => format!("list<{}>", of(element)),
        ComponentDefinedType::FixedLengthList { element, length, .. } => format!("list<{}, {length}>", of(element)),
        ComponentDefinedType::Map { key, value, .. } => format!("map<{}, {}>", of(key), of(value)),
        ComponentDefinedType::Tuple(tuple) => format!("tuple<{}>", joined(tuple.types.iter().map(of))),
        ComponentDefinedType::Flags(names) => format!("flags{{{}}}", joined(names.iter().map(ToString::to_string))),
        ComponentDefinedType::Enum(names) => format!("enum{{{}}}", joined(names.iter().map(ToString::to_string))),
        ComponentDefinedType::Option { ty, .. } => format!("option<{}>", of(ty)),
        ComponentDefinedType::Result { ok, err, .. } => format!("result<{}, {}>", part(ok), part(err)),
        ComponentDefinedType::Own(_) | ComponentDefinedType::Borrow(_) => "resource".to_owned(),
        ComponentDefinedType::Future { ty, .. } => format!("future<{}>", part(ty)),
        ComponentDefinedType::Stream { ty, .. } => format!("stream<{}>", part(ty)),
    }
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_shown_from_the_name_on_that_has_it() {
        let one = "func(a: u32, labels: list<string>)";
        assert_eq!(difference(one, "func(a: u32, labels: list<u8>)"), ("string>)", "u8>)"));
        assert_eq!(
            difference(one, "func(a: u32, names: u8)"),
            ("labels: list<string>)", "names: u8)")
        );
        let long = "x".repeat(200);
        assert_eq!(difference(&long, "y").0.len(), SHOWN);
    }
}
