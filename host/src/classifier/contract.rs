//! Compares a component's imports and exports with the contract before compiling, which may take long: lists
//! everything that is wrong at once, with the remedy of the build tool.
//!
//! It reads no function bodies, so it takes little time and memory, whatever the file contains.

use wasmparser::component_types::{ComponentAnyTypeId, ComponentEntityType, ComponentInstanceTypeId};
use wasmparser::types::Types;
use wasmparser::{Parser, Payload, ValidPayload, Validator, WasmFeatures};

use super::imports::{Access, Import, is_granted, is_stubbed};
use super::signature::Interface;
use super::version::{PACKAGE, VERSION, chosen};
use super::{Origin, check, signature, version};

/// How deep components may stand in one another. Tools make two or three; each costs the time of all around it.
const DEEPEST: usize = 64;
/// The most problems that are listed.
const TOLD: usize = 8;
/// Build tools, recognised by what only their components contain, and their option for fewer imports.
const TOOLS: [(&[u8], &str); 2] = [
    (
        b"componentize_py",
        "give --stub-wasi, to the host or to componentize-py's componentize",
    ),
    (
        b"ComponentizeJS",
        "give the host --stub-wasi, or jco componentize the options -d http fetch-event",
    ),
];

/// Imports and exports, sorted and printable.
#[derive(Clone, Debug, Default)]
pub(super) struct Interfaces {
    /// The version of the contract that the component was built for. None: it exports nothing of it that goes with this host's.
    pub(super) contract: Option<String>,
    pub(super) imports: Vec<Import>,
    pub(super) exports: Vec<String>,
}

impl Interfaces {
    /// Says what the component `origin` was granted, and what fails.
    pub(super) fn log(&self, origin: &Origin) {
        let names = |access: Access| {
            let imports = self.imports.iter().filter(|import| import.access == access);
            let names: Vec<_> = imports.map(|import| import.name.as_str()).collect();
            names.join(", ")
        };
        tracing::debug!("'{origin}' is granted {}", names(Access::Linked));
        let stubbed = names(Access::Stubbed);
        if !stubbed.is_empty() {
            tracing::info!("'{origin}' gets stubs, which always fail, for {stubbed}");
        }
    }
}

/// Why a file is refused.
pub(super) enum Refusal {
    /// It is not a readable component.
    Invalid(String),
    /// It is a component of another world, with these interfaces.
    World(String, Interfaces),
}

/// A component's imports and exports, if they are those of the contract. With `stubs`, those of WASI are granted as stubs.
pub(super) fn check(bytes: &[u8], stubs: bool) -> Result<Interfaces, Refusal> {
    let invalid = |error: String| Refusal::Invalid(check::text(&error));
    // With all component features, so that unsupported ones can be named.
    let outline = Outline::read(bytes, WasmFeatures::all()).map_err(invalid)?;
    let mut wrong = outline.exports_wrong();
    wrong.extend(outline.imports_wrong(bytes, stubs));
    if wrong.is_empty() {
        // Asynchronous inside, though none of its exports says so.
        let synchronous = WasmFeatures::all().difference(WasmFeatures::CM_ASYNC);
        if Outline::read(bytes, synchronous).is_err() {
            wrong.push(format!("it is asynchronous inside: {SYNCHRONOUS}"));
        }
    }
    if wrong.is_empty() {
        return Ok(outline.interfaces(stubs));
    }
    let more = wrong.len().saturating_sub(TOLD);
    wrong.truncate(TOLD);
    let mut told = wrong.join("; ");
    if more > 0 {
        told.push_str(&format!("; and {more} more"));
    }
    Err(Refusal::World(told, outline.interfaces(stubs)))
}

const SYNCHRONOUS: &str =
    "this host does not support component-model-async; build it for WASI 0.2 with synchronous functions";

/// A component's types, and the names of its imports and exports.
struct Outline {
    types: Types,
    imports: Vec<String>,
    exports: Vec<String>,
}

impl Outline {
    fn read(bytes: &[u8], features: WasmFeatures) -> Result<Self, String> {
        let told = |error: wasmparser::Error| error.to_string();
        let mut validator = Validator::new_with_features(features);
        let mut parser = Parser::new(0);
        parser.set_features(features);
        let (mut imports, mut exports, mut types) = (Vec::new(), Vec::new(), None);
        let mut depth = 0usize;
        for payload in parser.parse_all(bytes) {
            let payload = payload.map_err(told)?;
            match &payload {
                Payload::Version { .. } => {
                    depth += 1;
                    if depth > DEEPEST {
                        return Err(format!(
                            "it has components and modules that stand in one another more than {DEEPEST} deep"
                        ));
                    }
                }
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(section) if depth == 1 => {
                    for import in section.clone() {
                        imports.push(import.map_err(told)?.name.name.to_owned());
                    }
                }
                Payload::ComponentExportSection(section) if depth == 1 => {
                    for export in section.clone() {
                        exports.push(export.map_err(told)?.name.name.to_owned());
                    }
                }
                _ => {}
            }
            if let ValidPayload::End(ended) = validator.payload(&payload).map_err(told)? {
                // The last one is that of the whole component.
                types = Some(ended);
            }
        }
        let types = types.ok_or("it is cut short")?;
        Ok(Self {
            types,
            imports,
            exports,
        })
    }

    fn interfaces(&self, stubs: bool) -> Interfaces {
        let imports = self.imports.iter();
        let mut imports: Vec<_> = imports
            .map(|name| Import::new(name, self.is_of_types_alone(name), stubs))
            .collect();
        imports.sort_by(|one, other| one.name.cmp(&other.name));
        let mut exports: Vec<_> = self.exports.iter().map(|name| check::text(name)).collect();
        exports.sort();
        let messages = chosen("messages", VERSION, &self.exports);
        let contract = messages.and_then(|name| Some(name.split_once('@')?.1.to_owned()));
        Interfaces {
            contract,
            imports,
            exports,
        }
    }

    fn exports_wrong(&self) -> Vec<String> {
        let offers = |interface: &Interface| version::of(interface.name, &self.exports).next();
        let contract = signature::contract();
        if contract.iter().find_map(offers).is_none() {
            let exports = match self.exports.as_slice() {
                [] => "nothing".to_owned(),
                names => listed(names),
            };
            return vec![format!(
                "it exports {exports} and nothing of {PACKAGE}/: build it for the world 'classifier' of wit/classifier.wit"
            )];
        }
        let mut wrong = Vec::new();
        for interface in &contract {
            match (chosen(interface.name, VERSION, &self.exports), offers(interface)) {
                (Some(name), _) => {
                    let functions = interface.functions.iter();
                    wrong.extend(functions.filter_map(|(function, expected)| {
                        self.function_wrong(name, interface.name, function, expected)
                    }));
                }
                (None, _) if !interface.is_required => {}
                (None, Some(name)) => wrong.push(format!(
                    "it exports {}, a version of the contract that does not go with this host's {VERSION}; build it from the \
                     wit/classifier.wit of this host, or use a host of its version",
                    check::text(name)
                )),
                (None, None) => wrong.push(format!("it does not export {PACKAGE}/{}@{VERSION}", interface.name)),
            }
        }
        wrong
    }

    fn function_wrong(&self, name: &str, interface: &str, function: &str, expected: &str) -> Option<String> {
        let types = self.types.as_ref();
        let item = self.types.component_item_for_export(name).map(|item| item.ty);
        let Some(ComponentEntityType::Instance(instance)) = item else {
            return Some(format!("its export {interface} is not an interface"));
        };
        let instance = types.get(instance);
        let function_type = instance.and_then(|instance| Some(instance.exports.get(function)?.ty));
        let Some(ComponentEntityType::Func(id)) = function_type else {
            return Some(format!("its interface {interface} lacks the function {function}"));
        };
        let offered = types.get(id)?;
        if offered.async_ {
            return Some(format!(
                "its function {interface}.{function} is asynchronous: {SYNCHRONOUS}"
            ));
        }
        let text = signature::of(offered, types);
        (text != *expected).then(|| {
            let (has, wanted) = signature::difference(&text, expected);
            format!(
                "its function {interface}.{function} has another type, '{}' where wit/classifier.wit of version {VERSION} has \
                 '{wanted}'; build it from that",
                check::text(has)
            )
        })
    }

    fn imports_wrong(&self, bytes: &[u8], stubs: bool) -> Vec<String> {
        let asks = |name: &&String| !is_granted(name) && !is_stubbed(name, stubs) && !self.is_of_types_alone(name);
        let asked: Vec<_> = self.imports.iter().filter(asks).cloned().collect();
        if asked.is_empty() {
            return Vec::new();
        }
        let newer = asked
            .iter()
            .any(|name| name.starts_with("wasi:") && name.contains("@0.3."));
        let tool = TOOLS
            .iter()
            .find(|(mark, _)| bytes.windows(mark.len()).any(|found| found == *mark));
        let remedy = match (tool, newer) {
            (Some((_, remedy)), _) => remedy,
            (None, true) => "this host supports WASI 0.2 and not 0.3: build it for 0.2",
            (None, false) => {
                "it may import WASI 0.2's clocks, random numbers, standard streams, and an environment and a filesystem that are \
                 empty, so build it without the rest, or give --stub-wasi, which links functions of WASI that always fail"
            }
        };
        vec![format!(
            "it imports what the host does not grant: {}; {remedy}",
            listed(&asked)
        )]
    }

    /// An interface without functions and resources requires nothing.
    fn is_of_types_alone(&self, name: &str) -> bool {
        let item = self.types.component_item_for_import(name).map(|item| item.ty);
        let asks = |id: ComponentInstanceTypeId| {
            let is_type = |ty| {
                matches!(
                    ty,
                    ComponentEntityType::Type {
                        referenced: ComponentAnyTypeId::Defined(_),
                        ..
                    }
                )
            };
            let instance = self.types.as_ref().get(id);
            instance.is_none_or(|instance| !instance.exports.values().all(|item| is_type(item.ty)))
        };
        matches!(item, Some(ComponentEntityType::Instance(id)) if !asks(id))
    }
}

/// The first few of many names.
fn listed(names: &[String]) -> String {
    const LISTED: usize = 12;
    let mut shown: Vec<_> = names.iter().take(LISTED).map(|name| check::text(name)).collect();
    if names.len() > LISTED {
        shown.push(format!("and {} more", names.len() - LISTED));
    }
    shown.join(", ")
}
