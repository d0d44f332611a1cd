//! Frames in the body of a request or an answer: each behind its length, four bytes, the greatest first.

use trellis_core::limits::FRAME_BYTES_MAX;
use trellis_core::link::message::{Form, Frame};

/// Bytes of a body. What a peer may send without an answer of the other fits into it, however it is divided.
pub(crate) const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Frames of a body: more are a way to make a receiver spend memory.
pub(crate) const BODY_FRAMES_MAX: usize = 4096;
const LENGTH_BYTES: usize = 4;

const _: () = assert!(BODY_BYTES_MAX as u64 > trellis_core::limits::CREDIT_BYTES + 2 * FRAME_BYTES_MAX as u64);

/// The media type of frames in a form.
pub(crate) fn media_type(form: Form) -> &'static str {
    match form {
        Form::Binary => "application/vnd.trellis.sync+cbor",
        Form::Text => "application/vnd.trellis.sync+json",
    }
}

/// The form that a media type says.
pub(crate) fn form_of(media_type: &str) -> Option<Form> {
    [Form::Binary, Form::Text].into_iter().find(|form| self::media_type(*form) == media_type)
}

/// How many bytes a frame takes in a body.
pub(crate) fn room(frame: &Frame) -> usize {
    LENGTH_BYTES + frame.len()
}

/// Writes frames into a body.
pub(crate) fn encode(frames: Vec<Frame>) -> Vec<u8> {
    let mut body = Vec::with_capacity(frames.iter().map(room).sum());
    for frame in frames {
        body.extend_from_slice(&(frame.len() as u32).to_be_bytes());
        body.append(&mut frame.into_bytes());
    }
    body
}

/// Reads the frames of a body; none where it is not what a body has to be.
pub(crate) fn decode(body: &[u8], form: Form) -> Option<Vec<Frame>> {
    let (mut frames, mut rest) = (Vec::new(), body);
    while !rest.is_empty() {
        if frames.len() == BODY_FRAMES_MAX {
            return None;
        }
        let (length, tail) = rest.split_first_chunk::<LENGTH_BYTES>()?;
        let length = u32::from_be_bytes(*length) as usize;
        let (frame, tail) = tail.split_at_checked(length).filter(|_| (1..=FRAME_BYTES_MAX).contains(&length))?;
        frames.push(match form {
            Form::Binary => Frame::Binary(frame.to_vec()),
            Form::Text => Frame::Text(String::from_utf8(frame.to_vec()).ok()?),
        });
        rest = tail;
    }
    Some(frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_gives_back_its_frames() {
        for frames in [vec![], vec![Frame::Binary(vec![1])], vec![Frame::Binary(vec![2; 300]), Frame::Binary(vec![3])]]
        {
            assert_eq!(decode(&encode(frames.clone()), Form::Binary), Some(frames));
        }
        let text = vec![Frame::Text("{}".into())];
        assert_eq!(decode(&encode(text.clone()), Form::Text), Some(text));
    }

    #[test]
    fn what_is_cut_or_too_long_is_no_body() {
        let body = encode(vec![Frame::Binary(vec![1, 2, 3])]);
        for end in 1..body.len() {
            assert_eq!(decode(&body[..end], Form::Binary), None, "{end}");
        }
        assert_eq!(decode(&[0; 4], Form::Binary), None, "an empty frame");
        assert_eq!(decode(&[0, 0, 0, 1, 0xff], Form::Text), None, "no text");
        assert_eq!(decode(&encode(vec![Frame::Binary(vec![1]); BODY_FRAMES_MAX + 1]), Form::Binary), None);
        let long = vec![0; FRAME_BYTES_MAX + 1];
        let length = (long.len() as u32).to_be_bytes();
        assert_eq!(decode(&[&length[..], &long].concat(), Form::Binary), None);
    }
}
