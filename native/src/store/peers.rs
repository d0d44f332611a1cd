//! What is remembered of peers: a setting for each, named by its key.

use rusqlite::Connection;
use trellis_core::input::Remembered;
use trellis_core::limits::PEERS_REMEMBERED_MAX;
use trellis_core::link::message::StateHash;
use trellis_core::op::hex;
use trellis_core::op::id::Author;

use super::{Store, Transaction};
use crate::error::Result;

const PREFIX: &str = "peer/";

impl Store {
    /// When peers last had the same. What cannot be read is not remembered.
    ///
    /// # Errors
    /// What SQLite reports.
    pub fn peers(&self) -> Result<Vec<(Author, Remembered)>> {
        let rows = self.read(rows)?;
        let peer = |(name, value): &(String, Vec<u8>)| {
            let key = hex::parse(name.strip_prefix(PREFIX)?)?;
            Some((Author(key), decode(value)?))
        };
        Ok(rows.iter().filter_map(peer).collect())
    }
}

impl Transaction<'_> {
    /// Remembers when a peer last had the same.
    ///
    /// # Errors
    /// As [`Transaction::append`].
    pub fn remember(&mut self, peer: &Author, then: Remembered) -> Result<()> {
        let value = [&then.state.0[..], &then.ops.to_be_bytes()].concat();
        self.set_meta(&format!("{PREFIX}{}", hex::encode(peer.as_bytes())), &value)
    }
}

fn rows(connection: &Connection) -> rusqlite::Result<Vec<(String, Vec<u8>)>> {
    let mut query = connection.prepare_cached("SELECT key, value FROM meta WHERE key GLOB 'peer/*' LIMIT ?1")?;
    let rows = query.query_map([PEERS_REMEMBERED_MAX as i64], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

fn decode(value: &[u8]) -> Option<Remembered> {
    let (state, ops) = value.split_first_chunk::<32>()?;
    Some(Remembered { state: StateHash(*state), ops: u64::from_be_bytes(ops.try_into().ok()?) })
}
