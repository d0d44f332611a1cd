//! The surface's types in TypeScript are made of the surface's sources, so they are current.
//!
//! Run with `TRELLIS_WRITE=1` to write them anew.

use std::env;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Fields, GenericArgument, Item, Lit, Meta, PathArguments, Token, Type, Visibility};

const SURFACE: &str = "core/src/surface";
const TYPES: &str = "bindings-js/ts/surface.ts";
/// What values are made of, which have types of their own in every language.
const SCALARS: &str = "scalar.rs";
/// Types whose name is another one's in JavaScript.
const RENAMED: &[(&str, &str)] = &[("Op", "LoggedOp"), ("Branch", "BranchView"), ("Link", "LinkView")];

/// Longer lines are broken.
const LINE_MAX: usize = 120;

const HEAD: &str = "\
// The core's inputs and outputs as plain data: what crosses between JavaScript and the core. Made of core/src/surface by
// tests/tests/surface_types.rs.
//
// Ids and keys are lower-case hex, clocks decimal texts, times milliseconds since 1970; what is absent is left out.

/** A JSON value. Numbers are finite, and integers within ±(2^53 - 1). */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** A frame of a link: bytes, or text in the JSON form. */
export type Frame = Uint8Array | string;
";

#[test]
fn the_types_of_javascript_are_the_surfaces() {
    let path = root().join(TYPES);
    let made = types();
    if env::var_os("TRELLIS_WRITE").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap();
    assert!(there == made, "{TYPES} is not current: run this test with TRELLIS_WRITE=1");
}

/// A member that may be left out, one that may not, one of every kind of type: each as JavaScript has it.
#[test]
fn a_type_is_written_as_javascript_has_it() {
    let source = r#"
        /// A thing.
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        pub struct Thing {
            /// Its name.
            pub its_name: String,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub late: Option<Vec<Hex<32>>>,
        }
        #[derive(Serialize)]
        #[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
        pub enum Kind {
            #[doc = " One."] OneOf { at_all: [u8; 2] },
            Nothing,
            Other {
                /// As [`Kind::one`] ([`Kind::two`]).
                name: String,
                len: u64,
            },
        }
        struct Hidden;
    "#;
    let made = types_of(source);
    assert_eq!(
        made,
        "\n/** A thing. */\nexport interface Thing {\n  /** Its name. */\n  readonly itsName: string;\n  readonly late?: readonly string[] | undefined;\n}\n\
         \nexport type Kind =\n  /** One. */\n  | { readonly type: \"oneOf\"; readonly atAll: readonly [number, number] }\n  | { readonly type: \"nothing\" }\n  \
         | {\n      readonly type: \"other\";\n      /** As `Kind::one`. */\n      readonly name: string;\n      readonly len: number;\n    };\n"
    );
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn types() -> String {
    let mut files: Vec<PathBuf> =
        fs::read_dir(root().join(SURFACE)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.is_file() && !path.ends_with(SCALARS));
    files.sort();
    let made = files.iter().map(|path| types_of(&fs::read_to_string(path).unwrap()));
    [HEAD.to_owned()].into_iter().chain(made).collect()
}

fn types_of(source: &str) -> String {
    let items = syn::parse_file(source).unwrap().items;
    items.iter().filter_map(type_of_item).map(|text| format!("\n{text}")).collect()
}

/// The type of a structure or an enumeration that crosses.
fn type_of_item(item: &Item) -> Option<String> {
    match item {
        Item::Struct(item) if crosses(&item.vis, &item.attrs) => {
            let (name, serde) = (renamed(&item.ident.to_string()), Serde::of(&item.attrs));
            let members = members(&item.fields, serde.renames, serde.is_default);
            let members: String =
                members.iter().map(|Member { doc, text }| format!("{}  {text};\n", doc.at("  "))).collect();
            Some(format!("{}export interface {name} {{\n{members}}}\n", Doc::of(&item.attrs).at("")))
        }
        Item::Enum(item) if crosses(&item.vis, &item.attrs) => {
            let (name, serde) = (renamed(&item.ident.to_string()), Serde::of(&item.attrs));
            let mut text = format!("{}export type {name} =", Doc::of(&item.attrs).at(""));
            for variant in &item.variants {
                let members = members(&variant.fields, serde.renames_fields, false);
                let doc = Doc::of(&variant.attrs).at("  ");
                write!(text, "\n{doc}{}", variant_text(&camel(&variant.ident.to_string()), &members)).unwrap();
            }
            Some(format!("{text};\n"))
        }
        _ => None,
    }
}

/// One alternative, on lines of its own where members are described or it is too long for one, as the formatter has it.
fn variant_text(word: &str, members: &[Member]) -> String {
    let line: String = members.iter().map(|member| format!("; {}", member.text)).collect();
    let line = format!("  | {{ readonly type: \"{word}\"{line} }}");
    if line.len() < LINE_MAX && members.iter().all(|member| member.doc.is_empty()) {
        return line;
    }
    let lines: String =
        members.iter().map(|Member { doc, text }| format!("{}      {text};\n", doc.at("      "))).collect();
    format!("  | {{\n      readonly type: \"{word}\";\n{lines}    }}")
}

fn crosses(visibility: &Visibility, attributes: &[Attribute]) -> bool {
    let derives = attributes.iter().filter(|attribute| attribute.path().is_ident("derive"));
    let mut derived = derives.flat_map(|derive| {
        derive.parse_args_with(Punctuated::<syn::Path, Token![,]>::parse_terminated).unwrap().into_iter()
    });
    matches!(visibility, Visibility::Public(_)) && derived.any(|path| path.is_ident("Serialize"))
}

struct Member {
    doc: Doc,
    text: String,
}

fn members(fields: &Fields, renames: bool, is_default: bool) -> Vec<Member> {
    let member = |field: &syn::Field| {
        let serde = Serde::of(&field.attrs);
        let name = field.ident.as_ref().expect("what crosses has names").to_string();
        let name = if renames { camel(&name) } else { name };
        let (mark, or) = match (is_default || serde.is_default, serde.is_skipped) {
            (true, _) => ("?", " | undefined"),
            (false, true) => ("?", ""),
            (false, false) => ("", ""),
        };
        Member { doc: Doc::of(&field.attrs), text: format!("readonly {name}{mark}: {}{or}", type_text(&field.ty)) }
    };
    fields.iter().map(member).collect()
}

fn type_text(of: &Type) -> String {
    match of {
        Type::Array(array) => {
            let Expr::Lit(length) = &array.len else { panic!("a length is a number") };
            let Lit::Int(length) = &length.lit else { panic!("a length is a number") };
            let items = vec![type_text(&array.elem); length.base10_parse().unwrap()];
            format!("readonly [{}]", items.join(", "))
        }
        Type::Reference(reference) => type_text(&reference.elem),
        Type::Path(path) => {
            let last = path.path.segments.last().expect("a type has a name");
            let inner = arguments(&last.arguments);
            match last.ident.to_string().as_str() {
                "String" | "str" | "Hex" => "string".into(),
                "bool" => "boolean".into(),
                "u8" | "u16" | "u32" | "u64" | "usize" | "i64" | "f64" => "number".into(),
                "Bytes" => "Uint8Array".into(),
                "Option" => inner[0].clone(),
                "Vec" if inner[0].starts_with("readonly ") => format!("readonly ({})[]", inner[0]),
                "Vec" => format!("readonly {}[]", inner[0]),
                "Map" => format!("{{ readonly [name: string]: {} }}", inner[1]),
                name => renamed(name),
            }
        }
        _ => panic!("this kind of type does not cross"),
    }
}

/// The types that a type is made with.
fn arguments(arguments: &PathArguments) -> Vec<String> {
    let PathArguments::AngleBracketed(arguments) = arguments else { return Vec::new() };
    let of = |argument: &GenericArgument| match argument {
        GenericArgument::Type(inner) => Some(type_text(inner)),
        _ => None,
    };
    arguments.args.iter().filter_map(of).collect()
}

fn renamed(name: &str) -> String {
    RENAMED.iter().find(|(rust, _)| *rust == name).map_or(name, |(_, other)| other).to_owned()
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default();
    let rest = words.map(|word| word[..1].to_uppercase() + &word[1..]);
    first[..1].to_lowercase() + &first[1..] + &rest.collect::<String>()
}

/// What serde is told of a type or a field.
#[derive(Default)]
struct Serde {
    renames: bool,
    renames_fields: bool,
    is_default: bool,
    is_skipped: bool,
}

impl Serde {
    fn of(attributes: &[Attribute]) -> Serde {
        let mut serde = Serde::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
            for meta in attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).unwrap() {
                let path = meta.path();
                serde.renames |= path.is_ident("rename_all");
                serde.renames_fields |= path.is_ident("rename_all_fields");
                serde.is_default |= path.is_ident("default");
                serde.is_skipped |= path.is_ident("skip_serializing_if");
            }
        }
        serde
    }
}

/// The lines of a documentation comment.
struct Doc(Vec<String>);

impl Doc {
    fn of(attributes: &[Attribute]) -> Doc {
        let line = |attribute: &Attribute| {
            let Meta::NameValue(meta) = &attribute.meta else { return None };
            let Expr::Lit(value) = &meta.value else { return None };
            let Lit::Str(text) = &value.lit else { return None };
            meta.path.is_ident("doc").then(|| unlinked(text.value().trim()))
        };
        Doc(attributes.iter().filter_map(line).collect())
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn at(&self, indent: &str) -> String {
        match self.0.as_slice() {
            [] => String::new(),
            [line] => format!("{indent}/** {line} */\n"),
            lines => {
                let lines: String =
                    lines.iter().map(|line| format!("{indent} * {line}").trim_end().to_owned() + "\n").collect();
                format!("{indent}/**\n{lines}{indent} */\n")
            }
        }
    }
}

/// A line without links to what only Rust has: those in brackets are left out, of others the words stay.
fn unlinked(line: &str) -> String {
    let mut text = line.to_owned();
    while let Some(from) = text.find(" ([`") {
        let end = text[from..].find(')').expect("a link ends on its line");
        text.replace_range(from..=from + end, "");
    }
    text.replace("[`", "`").replace("`]", "`")
}
