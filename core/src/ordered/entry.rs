//! The place of one key.

use super::Map;
use super::map::Place;

/// The place of a key in a map, full or empty.
pub struct Entry<'m, K, V> {
    pub(super) map: &'m mut Map<K, V>,
    pub(super) key: K,
    pub(super) place: Result<Place, Place>,
}

impl<'m, K: Ord, V> Entry<'m, K, V> {
    /// The value, which is `value` where there was none.
    pub fn or_insert(self, value: V) -> &'m mut V {
        match self.place {
            Ok(place) => self.map.value_at(place),
            Err(place) => self.map.insert_at(place, (self.key, value)),
        }
    }

    /// The value, which is made where there was none.
    pub fn or_insert_with(self, value: impl FnOnce() -> V) -> &'m mut V {
        match self.place {
            Ok(place) => self.map.value_at(place),
            Err(place) => self.map.insert_at(place, (self.key, value())),
        }
    }

    /// The value, which is the default where there was none.
    pub fn or_default(self) -> &'m mut V
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }
}
