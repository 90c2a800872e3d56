//! The places of a line in which secrets stand.

use super::TAKEN_OUT;

/// Ends of the keys whose values are secrets, in lower case: of kubeconfigs, Secrets and registries, of variables and
/// options, and the names of headers.
const KEYS: &[&str] = &[
    "client-key-data",
    "client-certificate-data",
    "certificate-key",
    "certificatekey",
    "discovery-token-ca-cert-hash",
    "authorization",
    "passphrase",
    "password",
    "passwd",
    "api-key",
    "api_key",
    "apikey",
    "access-key",
    "access_key",
    "private-key",
    "private_key",
    "bearer",
    "secret",
    "token",
];

/// After words of prose, a value with fewer characters is a word.
const LONGER_THAN_WORDS: usize = 12;

/// Values that are no secrets, wherever they stand.
const LITERALS: &[&str] = &["true", "false", "null", "none", "nil", "~"];

/// How the value of `Authorization` begins.
const SCHEMES: &[&str] = &["bearer ", "basic ", "digest ", "negotiate ", "token "];

/// Whether the values of this key are secrets.
pub(super) fn is_key(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    key == "auth" || KEYS.iter().any(|end| key.ends_with(end))
}

/// Whether this could be a secret: it is no literal, and nothing that was taken out already.
pub(super) fn is_secret(value: &str) -> bool {
    let bare = value.trim();
    !bare.is_empty() && !bare.contains(TAKEN_OUT) && !LITERALS.contains(&bare.to_ascii_lowercase().as_str())
}

/// The byte ranges of the secrets in a line, in order and without overlaps.
pub(super) fn secrets(line: &str) -> Vec<(usize, usize)> {
    let lower = line.to_ascii_lowercase();
    let mut found: Vec<(usize, usize)> = KEYS
        .iter()
        .flat_map(|key| lower.match_indices(key))
        .filter_map(|(at, key)| {
            let key = Key { line, lower: &lower, start: at, end: at + key.len() };
            key.value().or_else(|| key.long_word())
        })
        .chain(of_addresses(line))
        .filter(|(start, end)| is_secret(&line[*start..*end]))
        .collect();
    // Of two that overlap, the one that begins first and is longer.
    found.sort_by_key(|(start, end)| (*start, std::cmp::Reverse(*end)));
    let mut until = 0;
    found.retain(|(start, end)| {
        let apart = *start >= until;
        until = until.max(*end);
        apart
    });
    found
}

/// A key within a line.
struct Key<'a> {
    line: &'a str,
    lower: &'a str,
    start: usize,
    end: usize,
}

impl Key<'_> {
    /// The value, where the key stands as a key: in JSON, in YAML and in headers, in an assignment, as an option.
    fn value(&self) -> Option<(usize, usize)> {
        let rest = &self.line[self.end..];
        for quote in ["\\\"", "\"", "'"] {
            let Some(after) = rest.strip_prefix(quote) else { continue };
            let value = after.trim_start().strip_prefix(':')?.trim_start();
            return quoted(self.line, self.line.len() - value.len());
        }
        let word = self.lower[..self.start]
            .rfind(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')))
            .map_or(0, |at| at + self.lower[at..].chars().next().map_or(1, char::len_utf8));
        let is_option = self.lower[word..].starts_with("--");
        let after = self.end + 1;
        match rest.bytes().next()? {
            b'=' => quoted(self.line, after).or_else(|| self.plain(after)),
            b' ' if is_option && !rest[1..].starts_with('-') => quoted(self.line, after).or_else(|| self.plain(after)),
            b':' => {
                let value = after + leading_blanks(&self.line[after..]);
                let begins = self.line[..word].trim_matches([' ', '\t', '-', '>', '<', '*']).is_empty();
                let authorizes = self.lower[..self.end].ends_with("authorization")
                    && (self.line[..word].ends_with(['"', '\''])
                        || SCHEMES.iter().any(|scheme| self.lower[value..].starts_with(scheme)));
                // A block's value is in the lines below.
                let whole = (begins || authorizes) && !self.line[value..].starts_with(['{', '[', '|', '>']);
                whole.then(|| quoted(self.line, value).unwrap_or_else(|| (value, self.to_the_end(value))))
            }
            _ => None,
        }
    }

    /// A value that begins here and ends with the word.
    fn plain(&self, from: usize) -> Option<(usize, usize)> {
        let value = &self.line[from..];
        if value.starts_with(TAKEN_OUT) {
            return None;
        }
        let ends =
            |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\\' | ',' | ';' | '&' | '|' | '<' | '>' | ')');
        let length = value.find(ends).unwrap_or(value.len());
        (length > 0).then_some((from, from + length))
    }

    /// Where a value ends that takes the rest of the line, or of the quoted text in which it is.
    fn to_the_end(&self, from: usize) -> usize {
        let value = self.line[from..].trim_end();
        from + value.find(['"', '\'', '\\']).unwrap_or(value.len())
    }

    /// What follows the key in prose, if it is too long for a word.
    fn long_word(&self) -> Option<(usize, usize)> {
        // JSON within JSON has its quotes escaped.
        const SEPARATORS: [&str; 5] = [":", "=", " ", "\":", "\\\":"];
        let separator = SEPARATORS.iter().find(|separator| self.line[self.end..].starts_with(**separator))?;
        let rest = &self.line[self.end + separator.len()..];
        let value = rest.trim_start_matches([' ', '"', '\'', '\\']);
        let length = value.find([' ', '"', '\'', ',', '\n', '\\']).unwrap_or(value.len());
        let start = self.line.len() - value.len();
        (value[..length].chars().count() >= LONGER_THAN_WORDS).then_some((start, start + length))
    }
}

/// What stands in quotes here, without these. The quotes may be escaped, as in JSON within JSON.
fn quoted(line: &str, from: usize) -> Option<(usize, usize)> {
    let rest = &line[from..];
    let quote = ["\\\"", "\"", "'"].into_iter().find(|quote| rest.starts_with(quote))?;
    let start = from + quote.len();
    let inner = &line[start..];
    // A quote after a backslash is a part of the value.
    let closes = |at: &usize| !inner[..*at].ends_with('\\');
    let end = inner.match_indices(quote).map(|(at, _)| at).find(closes);
    Some((start, start + end.unwrap_or(inner.trim_end().len())))
}

/// The passwords of addresses: `http://user:password@host`.
fn of_addresses(line: &str) -> impl Iterator<Item = (usize, usize)> {
    line.match_indices("://").filter_map(|(at, scheme)| {
        let from = at + scheme.len();
        let ends = |c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\'' | '\\' | '?' | '#' | '<' | '>');
        let authority = line[from..].split(ends).next()?;
        let (user, _host) = authority.rsplit_once('@')?;
        let colon = user.find(':')?;
        Some((from + colon + 1, from + user.len()))
    })
}

fn leading_blanks(text: &str) -> usize {
    text.len() - text.trim_start_matches([' ', '\t']).len()
}

/// A value in YAML that has lines of its own, `password: |`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    indentation: usize,
    /// Its first line has been replaced.
    pub(super) told: bool,
}

impl Block {
    pub(super) fn begun_by(line: &str) -> Option<Self> {
        let (key, value) = line.trim_end().split_once(": ")?;
        let begins =
            value.starts_with(['|', '>']) && value[1..].chars().all(|c| c.is_ascii_digit() || "+-".contains(c));
        let bare = key.trim_start_matches([' ', '-']).trim_matches(['"', '\'']);
        let block = Self { indentation: leading_blanks(line), told: false };
        (begins && is_key(bare)).then_some(block)
    }

    /// Whether this line is one of its own. One that holds what replaced it is not counted.
    pub(super) fn holds(&self, line: &str) -> bool {
        let within = line.trim().is_empty() || leading_blanks(line) > self.indentation;
        within && line.trim() != TAKEN_OUT
    }
}
