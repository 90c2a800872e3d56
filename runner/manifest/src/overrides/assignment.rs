//! Parses `--set KEY=VALUE` as Helm does.

use serde::Serialize;
use serde_json::Value;
use std::fmt;
use std::iter::Peekable;
use std::str::{Chars, FromStr};

use super::reference::Unusable;

/// A value of a chart (Helm 3.10, `pkg/strvals`; <https://helm.sh/docs/intro/using_helm/>). Several assignments in one option,
/// and indexes of lists, are refused although Helm accepts them: both can be written in another way.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(into = "String")]
pub struct Assignment {
    /// The whole text of the option, as it was given.
    text: String,
    path: ValuePath,
    value: Value,
}

impl Assignment {
    /// The key, as a path.
    pub const fn path(&self) -> &ValuePath {
        &self.path
    }

    /// The value: a boolean, a whole number, a text, null, or a list of those.
    pub const fn value(&self) -> &Value {
        &self.value
    }
}

impl fmt::Display for Assignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl From<Assignment> for String {
    fn from(assignment: Assignment) -> Self {
        assignment.text
    }
}

/// The path to a value through nested mappings, for example `bpf.masquerade`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValuePath(Vec<String>);

impl ValuePath {
    /// The keys, outermost first; there is at least one.
    pub fn keys(&self) -> &[String] {
        &self.0
    }

    /// Whether one of the two paths leads to a mapping that contains the other.
    pub fn is_within_or_around(&self, other: &Self) -> bool {
        self != other && (self.0.starts_with(&other.0) || other.0.starts_with(&self.0))
    }
}

impl fmt::Display for ValuePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<String> = self.0.iter().map(|key| key.replace('.', r"\.")).collect();
        f.pad(&keys.join("."))
    }
}

impl FromStr for ValuePath {
    type Err = Unusable;

    fn from_str(text: &str) -> Result<Self, Unusable> {
        let mut rest = text.chars().peekable();
        let (path, end) = path(&mut rest, text)?;
        if end.is_some() { Err(Unusable::new("a key such as bpf.masquerade", text)) } else { Ok(path) }
    }
}

impl FromStr for Assignment {
    type Err = Unusable;

    fn from_str(text: &str) -> Result<Self, Unusable> {
        let mut rest = text.chars().peekable();
        let (path, end) = path(&mut rest, text)?;
        if end != Some('=') {
            return Err(Unusable::new("KEY=VALUE such as bpf.masquerade=true", text));
        }
        let value = if rest.next_if_eq(&'{').is_some() { list(&mut rest, text)? } else { scalar(&mut rest, text)? };
        Ok(Self { text: text.to_owned(), path, value })
    }
}

/// Reads a key. Returns it with the character that ended it: `=`, or `None` at the end of the text.
fn path(rest: &mut Peekable<Chars<'_>>, text: &str) -> Result<(ValuePath, Option<char>), Unusable> {
    let mut keys = Vec::new();
    loop {
        let (key, end) = until(rest, &['.', '=', '[', ',']);
        if matches!(end, Some('[' | ',')) {
            let expected =
                "one KEY=VALUE, without list indexes; repeat the option for more, and give a list as KEY={a,b}";
            return Err(Unusable::new(expected, text));
        }
        if key.is_empty() {
            return Err(Unusable::new("KEY=VALUE such as bpf.masquerade=true", text));
        }
        keys.push(key);
        if end != Some('.') {
            return Ok((ValuePath(keys), end));
        }
    }
}

fn scalar(rest: &mut Peekable<Chars<'_>>, text: &str) -> Result<Value, Unusable> {
    match until(rest, &[',']) {
        (_, Some(_comma)) => {
            let expected = r"one value (repeat the option for more; a comma in a value is written \,)";
            Err(Unusable::new(expected, text))
        }
        (value, None) => Ok(typed(&value)),
    }
}

/// Reads a list `a,b}` after its opening brace.
fn list(rest: &mut Peekable<Chars<'_>>, text: &str) -> Result<Value, Unusable> {
    let mut values = Vec::new();
    loop {
        let (value, end) = until(rest, &[',', '}']);
        match end {
            // `{}` is the empty list.
            Some('}') if value.is_empty() && values.is_empty() => break,
            Some(_) => values.push(typed(&value)),
            None => return Err(Unusable::new("a list that ends with }", text)),
        }
        if end == Some('}') {
            break;
        }
    }
    if rest.next().is_some() {
        Err(Unusable::new("nothing after the list's }", text))
    } else {
        Ok(Value::Array(values))
    }
}

/// Reads up to and including one of these characters. A backslash before a character makes it part of the text.
fn until(rest: &mut Peekable<Chars<'_>>, stops: &[char]) -> (String, Option<char>) {
    let mut text = String::new();
    while let Some(c) = rest.next() {
        match c {
            '\\' => text.extend(rest.next()),
            stop if stops.contains(&stop) => return (text, Some(stop)),
            other => text.push(other),
        }
    }
    (text, None)
}

/// The value of a text, as Helm's `typedVal` decides: whole numbers are numbers, unless they begin with a zero and are not
/// zero.
fn typed(text: &str) -> Value {
    let number = || if text.starts_with('0') && text != "0" { None } else { text.parse::<i64>().ok() };
    if text.eq_ignore_ascii_case("true") {
        Value::Bool(true)
    } else if text.eq_ignore_ascii_case("false") {
        Value::Bool(false)
    } else if text.eq_ignore_ascii_case("null") {
        Value::Null
    } else {
        number().map_or_else(|| Value::String(text.to_owned()), Value::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_have_the_types_that_helm_gives_them() {
        let table = [
            ("tunnel=vxlan", "tunnel", json!("vxlan")),
            ("bpf.masquerade=false", "bpf.masquerade", json!(false)),
            ("a=TRUE", "a", json!(true)),
            ("a=6443", "a", json!(6443)),
            ("a=-1", "a", json!(-1)),
            ("a=0", "a", json!(0)),
            ("a=007", "a", json!("007")),
            ("a=1.5", "a", json!("1.5")),
            ("a=null", "a", Value::Null),
            ("a=", "a", json!("")),
            ("a=b=c", "a", json!("b=c")),
            (r"a=b\,c", "a", json!("b,c")),
            (r"annotations.example\.org/x=y", r"annotations.example\.org/x", json!("y")),
            ("a={}", "a", json!([])),
            ("a={x,1,true}", "a", json!(["x", 1, true])),
            (r"a={x\,y}", "a", json!(["x,y"])),
        ];
        for (text, path, value) in table {
            let assignment: Assignment = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((assignment.path().to_string().as_str(), assignment.value()), (path, &value), "{text}");
            assert_eq!(assignment.to_string(), text);
            assert_eq!(path.parse::<ValuePath>().as_ref(), Ok(assignment.path()), "{text}");
        }
    }

    #[test]
    fn what_is_no_single_value_is_refused() {
        let table = [
            ("", "expected KEY=VALUE such as"),
            ("tunnel", "expected KEY=VALUE such as"),
            ("=x", "expected KEY=VALUE such as"),
            ("a..b=x", "expected KEY=VALUE such as"),
            (".a=x", "expected KEY=VALUE such as"),
            ("a.=x", "expected KEY=VALUE such as"),
            ("a[0]=x", "expected one KEY=VALUE, without list indexes"),
            ("a,b=x", "expected one KEY=VALUE, without list indexes"),
            ("a=x,b=y", "expected one value (repeat the option"),
            ("a={x", "expected a list that ends with }"),
            ("a={x}y", "expected nothing after the list's }"),
        ];
        for (text, expected) in table {
            let error = text.parse::<Assignment>().expect_err(text).to_string();
            assert!(error.starts_with(expected) && error.ends_with(&format!(", found {text:?}")), "{text}: {error}");
        }
    }

    #[test]
    fn a_value_cannot_be_a_mapping_too() {
        let path = |text: &str| text.parse::<ValuePath>().expect(text);
        assert!(path("bpf").is_within_or_around(&path("bpf.masquerade")));
        assert!(path("bpf.masquerade.x").is_within_or_around(&path("bpf.masquerade")));
        assert!(!path("bpf.masquerade").is_within_or_around(&path("bpf.masquerade")));
        assert!(!path("bpfx").is_within_or_around(&path("bpf")));
    }
}
