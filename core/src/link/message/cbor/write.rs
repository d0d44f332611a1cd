//! Writing the map of a message.

use alloc::string::String;
use alloc::vec::Vec;

use crate::link::frame::FrameKind;
use crate::link::message::form::{Field, Name, Sink};
use crate::link::message::words::Word;
use crate::link::message::{BlobWant, Range, Reason, Tip, TipId, Without};
use crate::link::table::Table;
use crate::op::cbor::Writer;
use crate::op::id::{Author, OpId};

/// Pairs of a map, of which there are less than 24.
#[derive(Default)]
pub(super) struct Pairs {
    count: usize,
    pairs: Writer,
}

impl Pairs {
    /// The frame with all pairs.
    pub(super) fn finish(self, kind: FrameKind) -> Vec<u8> {
        let mut head = Writer::with_room(1);
        head.map(self.count);
        [&[kind.code()], head.finish().as_slice(), self.pairs.finish().as_slice()].concat()
    }

    /// Where the value of this key goes.
    fn at(&mut self, field: Field) -> &mut Writer {
        self.count += 1;
        self.pairs.uint(field.key)
    }

    /// Where the items of a list go, `per` values for each; none where there is no item.
    fn list(&mut self, field: Field, items: usize, per: usize) -> Option<&mut Writer> {
        (items > 0).then(|| self.at(field).array(items * per))
    }
}

/// What was written whole in a list of tips or ranges.
#[derive(Default)]
struct Known<'a> {
    branches: Table<&'a str>,
    authors: Table<Author>,
}

impl<'a> Known<'a> {
    /// Writes whose chain it is: whole where a value first comes, then as the distance back to it.
    fn write_chain(&mut self, writer: &mut Writer, branch: &'a str, author: Author) {
        match self.branches.refer(branch) {
            Some(distance) => writer.uint(distance),
            None => writer.text(branch),
        };
        match self.authors.refer(author) {
            Some(distance) => writer.uint(distance),
            None => writer.bytes(&author.0),
        };
    }
}

fn write_names<N: Name>(writer: &mut Writer, names: &[N]) {
    writer.array(names.len());
    for name in names {
        writer.bytes(name.bytes());
    }
}

impl Sink for Pairs {
    fn uint(&mut self, field: Field, value: u64) {
        self.at(field).uint(value);
    }

    fn flag(&mut self, field: Field, value: bool) {
        self.number(field, value.into(), 0);
    }

    fn text(&mut self, field: Field, value: &str) {
        if !value.is_empty() {
            self.at(field).text(value);
        }
    }

    fn name(&mut self, field: Field, value: &[u8]) {
        self.at(field).bytes(value);
    }

    fn content(&mut self, field: Field, value: &[u8]) {
        if !value.is_empty() {
            self.at(field).bytes(value);
        }
    }

    fn word<W: Word>(&mut self, field: Field, value: W) {
        self.at(field).uint(value.number());
    }

    fn uints(&mut self, field: Field, values: &[u64]) {
        let Some(writer) = self.list(field, values.len(), 1) else { return };
        for value in values {
            writer.uint(*value);
        }
    }

    fn texts(&mut self, field: Field, values: &[String]) {
        let Some(writer) = self.list(field, values.len(), 1) else { return };
        for value in values {
            writer.text(value);
        }
    }

    fn names<N: Name>(&mut self, field: Field, values: &[N]) {
        if !values.is_empty() {
            write_names(self.at(field), values);
        }
    }

    fn tips(&mut self, field: Field, tips: &[Tip]) {
        let Some(writer) = self.list(field, tips.len(), 4) else { return };
        let mut known = Known::default();
        for Tip { branch, author, seq, id } in tips {
            known.write_chain(writer, branch, *author);
            writer.uint((*seq).into());
            match id {
                TipId::Short(half) => writer.bytes(half),
                TipId::Full(id) => writer.bytes(&id.0),
            };
        }
    }

    fn ranges(&mut self, field: Field, ranges: &[Range]) {
        let Some(writer) = self.list(field, ranges.len(), 4) else { return };
        let mut known = Known::default();
        for Range { branch, author, from, to } in ranges {
            known.write_chain(writer, branch, *author);
            writer.uint((*from).into()).uint((*to).into());
        }
    }

    fn heads(&mut self, field: Field, heads: &[(String, Vec<OpId>)]) {
        let Some(writer) = self.list(field, heads.len(), 2) else { return };
        heads.iter().for_each(|(branch, ids)| write_names(writer.text(branch), ids));
    }

    fn blob_wants(&mut self, field: Field, blobs: &[BlobWant]) {
        let Some(writer) = self.list(field, blobs.len(), 2) else { return };
        for BlobWant { blob, from } in blobs {
            writer.bytes(&blob.0).uint(*from);
        }
    }

    fn refused(&mut self, field: Field, ops: &[(OpId, Reason)]) {
        let Some(writer) = self.list(field, ops.len(), 2) else { return };
        for (id, reason) in ops {
            writer.bytes(&id.0).uint(reason.number());
        }
    }

    fn without(&mut self, field: Field, without: &Without) {
        if *without != Without::default() {
            let writer = self.at(field).array(2);
            write_names(writer, &without.ops);
            write_names(writer, &without.blobs);
        }
    }
}
