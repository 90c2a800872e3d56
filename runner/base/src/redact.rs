//! Removes secrets from what is kept in a run's folder or passed on: from texts, and from JSON.
//!
//! What is a secret is told by where it stands (the value of a key, of an option, of a header), whatever its length. Words
//! of prose follow the same keys; there, only what is too long for a word is taken for a secret.

mod json;
mod place;

pub use json::{in_json, redacted};

use place::{Block, secrets};

/// The text that replaces a secret.
const TAKEN_OUT: &str = "(taken out)";

/// The text without private keys, tokens and passwords.
pub fn redact(text: &str) -> String {
    let mut within = Within::Nothing;
    text.split_inclusive('\n').map(|line| within.line(line)).collect()
}

/// The number, counted from 1, of the first line in which [`redact`] would replace something.
pub fn secret_at(text: &str) -> Option<usize> {
    let mut within = Within::Nothing;
    text.split_inclusive('\n').position(|line| within.line(line) != line).map(|index| index + 1)
}

/// What the lines read so far have begun.
#[derive(Debug, PartialEq, Eq)]
enum Within {
    Nothing,
    /// A private key.
    Key,
    /// The lines of a value in YAML, under a key with this indentation.
    Block(Block),
}

impl Within {
    /// The next line without secrets; empty for one that is gone.
    fn line(&mut self, line: &str) -> String {
        match self {
            Self::Key => {
                if line.contains("-----END") {
                    *self = Self::Nothing;
                }
                return String::new();
            }
            Self::Block(block) if block.holds(line) => {
                let indented = line.len() - line.trim_start().len();
                return if std::mem::replace(&mut block.told, true) || line.trim().is_empty() {
                    String::new()
                } else {
                    format!("{}{TAKEN_OUT}\n", &line[..indented])
                };
            }
            Self::Block(_) | Self::Nothing => *self = Self::Nothing,
        }
        if let Some(at) = line.find("-----BEGIN").filter(|_| line.contains("PRIVATE KEY")) {
            if !line.contains("-----END") {
                *self = Self::Key;
            }
            return format!("{}{TAKEN_OUT}\n", &line[..at]);
        }
        if let Some(block) = Block::begun_by(line) {
            *self = Self::Block(block);
        }
        bootstrap_tokens(&values(line))
    }
}

/// The line with the values of secret keys replaced.
fn values(line: &str) -> String {
    let (mut kept, mut done) = (String::with_capacity(line.len()), 0);
    for (start, end) in secrets(line) {
        kept.push_str(&line[done..start]);
        kept.push_str(TAKEN_OUT);
        done = end;
    }
    kept + &line[done..]
}

/// The line with kubeadm's bootstrap tokens replaced: six and sixteen characters of `[a-z0-9]` with a dot between.
fn bootstrap_tokens(line: &str) -> String {
    let is_part = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    line.split_inclusive(|c: char| !(c.is_ascii_alphanumeric() || c == '.'))
        .map(|word| {
            let bare = word.trim_end_matches(|c: char| !(c.is_ascii_alphanumeric() || c == '.'));
            match bare.split_once('.') {
                Some((id, secret)) if is_part(id, 6) && is_part(secret, 16) => word.replace(bare, TAKEN_OUT),
                _ => word.to_owned(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
