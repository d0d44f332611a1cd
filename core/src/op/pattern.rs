//! Patterns of branch names: in policies, and in what a peer syncs.

use alloc::string::String;
use alloc::vec::Vec;

use super::header::is_plain;
use crate::limits::NAME_BYTES_MAX;

/// Names of branches: `*` stands for any text within a segment, `**` for any text at all.
///
/// A name that begins with `_` belongs to the engine, and only a pattern without wildcards matches it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern(String);

impl Pattern {
    /// Reads a pattern: 1 to 255 bytes without control characters, and no three `*` in a row.
    pub fn parse(text: &str) -> Option<Pattern> {
        let fits = (1..=NAME_BYTES_MAX).contains(&text.len()) && is_plain(text) && !text.contains("***");
        fits.then(|| Pattern(text.into()))
    }

    /// The one that matches every branch but the engine's own.
    pub fn every() -> Pattern {
        Pattern("**".into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the pattern is for this branch. Costs at most the product of the two lengths.
    pub fn matches(&self, branch: &str) -> bool {
        match self.has_wildcard() {
            false => self.0 == branch,
            true => !branch.starts_with('_') && self.matches_wild(branch.as_bytes()),
        }
    }

    /// Walks the branch once, with the set of places in the pattern that the text so far can have reached.
    fn matches_wild(&self, branch: &[u8]) -> bool {
        let tokens = self.tokens();
        let mut reached = alloc::vec![false; tokens.len() + 1];
        reached[0] = true;
        pass_wildcards(&tokens, &mut reached);
        for byte in branch {
            let mut next = alloc::vec![false; reached.len()];
            for (at, token) in tokens.iter().enumerate().filter(|(at, _)| reached[*at]) {
                match token {
                    Token::Byte(expected) if expected == byte => next[at + 1] = true,
                    Token::InSegment if *byte != b'/' => next[at] = true,
                    Token::Across => next[at] = true,
                    _ => {}
                }
            }
            pass_wildcards(&tokens, &mut next);
            reached = next;
        }
        reached[tokens.len()]
    }

    fn tokens(&self) -> Vec<Token> {
        let mut rest = self.0.as_bytes();
        let mut tokens = Vec::new();
        while let [first, tail @ ..] = rest {
            let (token, tail) = match (first, tail) {
                (b'*', [b'*', tail @ ..]) => (Token::Across, tail),
                (b'*', tail) => (Token::InSegment, tail),
                (byte, tail) => (Token::Byte(*byte), tail),
            };
            tokens.push(token);
            rest = tail;
        }
        tokens
    }

    fn has_wildcard(&self) -> bool {
        self.0.contains('*')
    }

    /// What decides between patterns that match one branch: the longer text before the first wildcard, then the longer
    /// text in all, then `*` before `**`.
    pub(crate) fn precision(&self) -> (usize, usize, bool) {
        let prefix = self.0.find('*').unwrap_or(self.0.len());
        let literal = self.0.bytes().filter(|byte| *byte != b'*').count();
        (prefix, literal, !self.0.contains("**"))
    }
}

enum Token {
    Byte(u8),
    InSegment,
    Across,
}

/// A wildcard may stand for nothing.
fn pass_wildcards(tokens: &[Token], reached: &mut [bool]) {
    for (at, token) in tokens.iter().enumerate() {
        if reached[at] && !matches!(token, Token::Byte(_)) {
            reached[at + 1] = true;
        }
    }
}
