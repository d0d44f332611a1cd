//! A message as it goes over a wire, in one of its two forms.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::{Message, MessageFault, MessageRefused};
use crate::link::frame::FrameKind;
use crate::link::ops::ByHalf;

/// One message: a WebSocket message, or what stands behind a length elsewhere.
#[derive(Clone, PartialEq, Eq)]
pub enum Frame {
    /// A byte of type, and CBOR.
    Binary(Vec<u8>),
    /// JSON.
    Text(String),
}

/// In which form a peer writes its frames, and reads ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// CBOR.
    Binary,
    /// JSON.
    Text,
}

/// Shows the form and the length; what a frame says is for its receiver alone.
impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({} bytes)", self.form(), self.len())
    }
}

impl Frame {
    /// A message in a form.
    ///
    /// # Errors
    /// As [`Message::encode`].
    pub fn of(message: &Message, form: Form) -> Result<Frame, MessageRefused> {
        match form {
            Form::Binary => message.encode().map(Frame::Binary),
            Form::Text => message.to_json().map(Frame::Text),
        }
    }

    /// The message, if it names no op by half.
    ///
    /// # Errors
    /// [`MessageFault`]: it is none.
    pub fn read(&self) -> Result<Message, MessageFault> {
        self.read_with(&|_| None)
    }

    /// The message, for who finds ops by half.
    ///
    /// # Errors
    /// [`MessageFault`]: it is none, or none for who has these ops.
    pub fn read_with(&self, by_half: &ByHalf<'_>) -> Result<Message, MessageFault> {
        match self {
            Frame::Binary(bytes) => Message::decode_with(bytes, by_half),
            Frame::Text(text) => Message::from_json(text),
        }
    }

    /// What its message is; in binary form by its first byte alone, so it may be no message after all.
    pub fn kind(&self) -> Option<FrameKind> {
        match self {
            Frame::Binary(bytes) => bytes.first().and_then(|code| FrameKind::from_code(*code)),
            Frame::Text(_) => self.read().ok().map(|message| message.kind()),
        }
    }

    /// Its form.
    pub fn form(&self) -> Form {
        match self {
            Frame::Binary(_) => Form::Binary,
            Frame::Text(_) => Form::Text,
        }
    }

    /// Its bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        match self {
            Frame::Binary(bytes) => bytes,
            Frame::Text(text) => text.into_bytes(),
        }
    }

    /// How many bytes it has.
    pub fn len(&self) -> usize {
        match self {
            Frame::Binary(bytes) => bytes.len(),
            Frame::Text(text) => text.len(),
        }
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
