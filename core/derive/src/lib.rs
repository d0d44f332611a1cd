//! Writes how a type of the surface is read from plain data, by the same attributes by which serde writes it.
//!
//! serde's own way makes a reader of every type for every format, and a second one for whatever has a `type`: half of what
//! a browser would have to load. Here there is one reader of formats, which makes a tree, and each type takes what it needs.

use proc_macro2::TokenStream;
use quote::quote;
use syn::punctuated::Punctuated;
use syn::{
    Attribute, Data, DeriveInput, Error, Expr, ExprLit, Field, Fields, Lit, Meta, Result, Token, parse_macro_input,
};

/// Implements `FromPlain`, and serde's `Deserialize` by it.
///
/// It reads serde's attributes `tag`, `rename_all` and `rename_all_fields` (both as `camelCase` alone), `default`,
/// `skip_deserializing` and `deny_unknown_fields`, and passes over those that say how a value is written.
#[proc_macro_derive(FromPlain, attributes(serde))]
pub fn from_plain(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    implementation(&input).unwrap_or_else(Error::into_compile_error).into()
}

fn implementation(input: &DeriveInput) -> Result<TokenStream> {
    let name = &input.ident;
    let serde = Serde::of(&input.attrs)?;
    let body = match &input.data {
        Data::Struct(data) => members(&data.fields, &serde, serde.renames, quote!(#name))?,
        Data::Enum(data) => {
            let variants = data.variants.iter().map(|variant| {
                let (ident, word) = (&variant.ident, camel(&variant.ident.to_string()));
                let value = members(&variant.fields, &Serde::default(), serde.renames_fields, quote!(#name::#ident))?;
                Ok(quote! { #word => { #value } })
            });
            let variants = variants.collect::<Result<Vec<_>>>()?;
            let tag = serde.tag.ok_or_else(|| Error::new_spanned(name, "an enum needs a tag"))?;
            quote! {
                let tag = fields.tag(#tag)?;
                match tag.as_str() {
                    #(#variants)*
                    _ => ::core::result::Result::Err(::trellis_core::surface::Unreadable::word(#tag)),
                }
            }
        }
        Data::Union(_) => return Err(Error::new_spanned(name, "a union is no plain data")),
    };
    Ok(quote! {
        impl ::trellis_core::surface::FromPlain for #name {
            fn from_plain(
                plain: ::trellis_core::surface::Plain,
            ) -> ::core::result::Result<Self, ::trellis_core::surface::Unreadable> {
                let mut fields = ::trellis_core::surface::Members::of(plain)?;
                #body
            }
        }

        impl<'de> ::serde::Deserialize<'de> for #name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> ::core::result::Result<Self, D::Error> {
                ::trellis_core::surface::from_format(deserializer)
            }
        }
    })
}

/// Takes the members of a structure or a variant, and makes it of them.
fn members(fields: &Fields, container: &Serde, renames: bool, what: TokenStream) -> Result<TokenStream> {
    let taken = fields.iter().map(|field| member(field, container, renames)).collect::<Result<Vec<_>>>()?;
    let none_left = container.denies_unknown.then(|| quote!(fields.ensure_empty()?;));
    Ok(quote! {
        let value = #what { #(#taken),* };
        #none_left
        ::core::result::Result::Ok(value)
    })
}

fn member(field: &Field, container: &Serde, renames: bool) -> Result<TokenStream> {
    let serde = Serde::of(&field.attrs)?;
    let ident = field.ident.as_ref().ok_or_else(|| Error::new_spanned(field, "plain data has names"))?;
    let name = ident.to_string();
    let name = if renames { camel(&name) } else { name };
    if serde.is_skipped {
        return Ok(quote!(#ident: ::core::default::Default::default()));
    }
    Ok(match (&container.default, serde.default) {
        (Some(_), _) => quote!(#ident: fields.take_or(#name, || <Self as ::core::default::Default>::default().#ident)?),
        (None, Some(Some(path))) => quote!(#ident: fields.take_or(#name, #path)?),
        (None, Some(None)) => quote!(#ident: fields.take_or(#name, ::core::default::Default::default)?),
        (None, None) => quote!(#ident: fields.take(#name)?),
    })
}

/// What serde's attributes say of a type or a field.
#[derive(Default)]
struct Serde {
    tag: Option<String>,
    renames: bool,
    renames_fields: bool,
    /// Whether it may be left out, and by what function it then is made.
    default: Option<Option<syn::Path>>,
    is_skipped: bool,
    denies_unknown: bool,
}

impl Serde {
    fn of(attributes: &[Attribute]) -> Result<Serde> {
        let mut serde = Serde::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
            for meta in attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)? {
                serde.read(&meta)?;
            }
        }
        Ok(serde)
    }

    fn read(&mut self, meta: &Meta) -> Result<()> {
        let name = meta.path().get_ident().map(ToString::to_string).unwrap_or_default();
        match (&*name, text_of(meta)) {
            ("tag", Some(tag)) => self.tag = Some(tag),
            ("rename_all", Some(case)) if case == "camelCase" => self.renames = true,
            ("rename_all_fields", Some(case)) if case == "camelCase" => self.renames_fields = true,
            ("default", None) => self.default = Some(None),
            ("default", Some(path)) => self.default = Some(Some(syn::parse_str(&path)?)),
            ("skip_deserializing", None) => self.is_skipped = true,
            ("deny_unknown_fields", None) => self.denies_unknown = true,
            ("skip_serializing_if", Some(_)) => {}
            _ => return Err(Error::new_spanned(meta, "this is not read here")),
        }
        Ok(())
    }
}

fn text_of(meta: &Meta) -> Option<String> {
    let Meta::NameValue(meta) = meta else { return None };
    match &meta.value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    }
}

/// A name of Rust as plain data has it.
fn camel(name: &str) -> String {
    let mut camel = String::new();
    for (at, word) in name.split('_').enumerate() {
        let mut letters = word.chars();
        let first =
            letters.next().map(|first| if at == 0 { first.to_ascii_lowercase() } else { first.to_ascii_uppercase() });
        camel.extend(first.into_iter().chain(letters));
    }
    camel
}
