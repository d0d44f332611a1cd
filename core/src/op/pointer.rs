//! RFC 6901 pointers: places inside a JSON value.
//!
//! Pointers order by their tokens, so that everything below a place stands right behind it.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::json::Value;

/// A place inside a value: the member names from the root. The root is no names.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pointer(pub Vec<String>);

/// Text that is no RFC 6901 pointer: it does not begin with `/`, or has a `~` that is not `~0` or `~1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a pointer begins with '/' and writes '~' as '~0' and '/' inside a name as '~1'")]
pub struct PointerError;

impl Pointer {
    /// The whole value.
    pub const ROOT: Pointer = Pointer(Vec::new());

    /// Reads the text form.
    ///
    /// # Errors
    /// [`PointerError`].
    pub fn parse(text: &str) -> Result<Pointer, PointerError> {
        if text.is_empty() {
            return Ok(Pointer::ROOT);
        }
        let tokens = text.strip_prefix('/').ok_or(PointerError)?;
        tokens.split('/').map(unescape).collect::<Option<Vec<_>>>().map(Pointer).ok_or(PointerError)
    }

    /// What stands at this place, stepping through objects by name and through arrays by index (RFC 6901 §4).
    pub fn find<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(value, |value, token| match value {
            Value::Object(object) => object.get(token),
            Value::Array(items) => items.get(array_index(token)?),
            _ => None,
        })
    }

    /// Whether this place is `other` or one that `other` lies below.
    pub fn is_prefix_of(&self, other: &Pointer) -> bool {
        other.0.starts_with(&self.0)
    }

    /// Whether this is the whole value.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The place of the member `name` below this one.
    pub fn child(&self, name: &str) -> Pointer {
        let mut tokens = self.0.clone();
        tokens.push(name.into());
        Pointer(tokens)
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|token| write!(f, "/{}", escape(token)))
    }
}

/// The index of an array's item: decimal digits without leading zeros.
pub fn array_index(token: &str) -> Option<usize> {
    let is_index = token.bytes().all(|byte| byte.is_ascii_digit()) && (token == "0" || !token.starts_with('0'));
    if is_index { token.parse().ok() } else { None }
}

/// Writes `~` as `~0` and `/` as `~1`.
pub fn escape(token: &str) -> String {
    token.replace('~', "~0").replace('/', "~1")
}

/// Reads what [`escape`] writes; none where a `~` stands alone.
pub fn unescape(token: &str) -> Option<String> {
    let mut text = String::with_capacity(token.len());
    let mut chars = token.chars();
    while let Some(char) = chars.next() {
        text.push(match char {
            '~' => match chars.next() {
                Some('0') => '~',
                Some('1') => '/',
                _ => return None,
            },
            char => char,
        });
    }
    Some(text)
}
