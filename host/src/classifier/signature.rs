//! The types of functions as text, of `wit/classifier.wit` and of a component: equal text, equal types.

use wasmparser::component_types::{ComponentDefinedType, ComponentFuncType, ComponentValType};
use wasmparser::types::TypesRef;

/// How much of a difference to show, in characters.
const SHOWN: usize = 80;

/// An interface of the contract, and its functions: the name of each, and its type as written by [`of`].
pub(super) struct Interface {
    pub(super) name: &'static str,
    /// Whether every component has it.
    pub(super) is_required: bool,
    pub(super) functions: Vec<(&'static str, String)>,
}

/// The contract. A released interface never changes, so neither does what stands here of it.
pub(super) fn contract() -> [Interface; 4] {
    let cause = "record{code: string, detail: string}";
    let error = format!("variant{{reject({cause}), retry({cause}), fatal({cause})}}");
    let description = "record{name: string, version: string, height: u32, width: u32, channels: u32, labels: list<string>, \
                       max-images: u32, accepts: list<string>, produces: list<string>}";
    let request =
        "record{content-type: option<string>, accept: option<string>, prepare: option<string>, body: list<u8>}";
    let reply = format!("record{{content-type: string, images: u32, warnings: list<{cause}>, body: list<u8>}}");
    let info = "record{sha256: string, scores: string, accepts: list<string>}";
    let images = "record{count: u32, pixels: variant{u8s(list<u8>), f32s(list<f32>)}}";
    let example = "record{content-type: option<string>, accept: option<string>, prepare: option<string>, body: list<u8>, \
                   answer: list<u8>}";
    [
        Interface {
            name: "messages",
            is_required: true,
            functions: vec![
                ("describe", format!("func() -> result<{description}, {error}>")),
                (
                    "classify",
                    format!("func(requests: list<{request}>) -> list<result<{reply}, {error}>>"),
                ),
            ],
        },
        Interface {
            name: "model",
            is_required: false,
            functions: vec![
                ("describe", format!("func() -> result<{info}, {error}>")),
                (
                    "load",
                    format!("func(media-type: string, file: list<u8>, labels: list<string>) -> result<_, {error}>"),
                ),
            ],
        },
        Interface {
            name: "tensors",
            is_required: false,
            functions: vec![(
                "predict",
                format!("func(images: {images}) -> result<list<f32>, {error}>"),
            )],
        },
        Interface {
            name: "self-test",
            is_required: false,
            functions: vec![("examples", format!("func() -> result<list<{example}>, {error}>"))],
        },
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
