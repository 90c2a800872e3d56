//! Formatting that the terminal, the reports and the errors share.

use std::time::Duration;

/// The first line of a text that was told in whole already.
pub fn told_above(text: &str) -> String {
    let first = text.lines().next().unwrap_or_default();
    let more = if text.trim_end().contains('\n') { " (the rest is above)" } else { "" };
    format!("{first}{more}")
}

/// A duration for a reader: `31 ms`, `1.21 s`, `2 min 3 s`.
pub fn duration(took: Duration) -> String {
    let millis = took.as_millis();
    // Rounded first, so that 59.996 s becomes `1 min 0 s` rather than `60.00 s`.
    let hundredths = (millis + 5) / 10;
    if millis == 0 {
        "<1 ms".to_owned()
    } else if millis < 1000 {
        format!("{millis} ms")
    } else if hundredths < 6000 {
        format!("{}.{:02} s", hundredths / 100, hundredths % 100)
    } else {
        let seconds = (millis + 500) / 1000;
        format!("{} min {} s", seconds / 60, seconds % 60)
    }
}

/// A count and its noun, with a plural s unless it is 1: `3 nodes`.
pub fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Characters that change how the text around them is shown: marks, embeddings, overrides and isolates of the
/// bidirectional algorithm (Unicode Standard Annex 9), and the separators of lines and paragraphs.
const fn rearranges(character: char) -> bool {
    matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

/// Text of another program, made safe to print: control characters, characters that rearrange the text around them, and
/// those that XML 1.0 (section 2.2) does not allow become visible escapes, so that no terminal, browser or XML parser
/// acts on them. Line feeds stay; tabs become blanks.
pub fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => cleaned.push('\n'),
            '\t' => cleaned.push(' '),
            '\u{fffe}' | '\u{ffff}' => cleaned.extend(character.escape_unicode()),
            other if other.is_control() || rearranges(other) => cleaned.extend(other.escape_unicode()),
            other => cleaned.push(other),
        }
    }
    cleaned
}

/// JSON made safe to print: the same characters become JSON's own escapes, so that a reader of JSON gets what was written.
/// Within strings they are valid, and elsewhere JSON has none of these characters.
pub fn clean_json(json: &str) -> String {
    let mut cleaned = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '\n' => cleaned.push('\n'),
            '\t' => cleaned.push(' '),
            '\u{fffe}' | '\u{ffff}' => cleaned.push_str(&json_escape(character)),
            other if other.is_control() || rearranges(other) => cleaned.push_str(&json_escape(other)),
            other => cleaned.push(other),
        }
    }
    cleaned
}

/// All of these characters have four hexadecimal digits.
fn json_escape(character: char) -> String {
    format!("\\u{:04x}", u32::from(character))
}

/// Text made safe to print as by [`clean`], with its line feeds replaced by blanks.
pub fn one_line(text: &str) -> String {
    clean(text.trim_end()).replace('\n', " ")
}

/// The text with its SHA-256 digests cut to 12 digits, which tell them apart: `sha256:4b074fcfba93…`. The whole ones are in
/// what programs read.
pub fn short_digests(text: &str) -> String {
    const BEFORE: &str = "sha256:";
    const SHOWN: usize = 12;
    let mut parts = text.split(BEFORE);
    let mut short = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_hexdigit).count();
        short.push_str(BEFORE);
        if digits == 64 {
            short.push_str(&part[..SHOWN]);
            short.push('…');
            short.push_str(&part[digits..]);
        } else {
            short.push_str(part);
        }
    }
    short
}

/// How many columns a text takes. Characters are counted: names and addresses are ASCII, and the few others that
/// this program prints take one column each.
pub fn columns(text: &str) -> usize {
    text.chars().count()
}

/// A text cut to so many columns, with `…` as its last if anything is missing.
pub fn cut(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut kept: String = text.chars().take(width.saturating_sub(1)).collect();
    kept.truncate(kept.trim_end().len());
    if width > 0 {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_was_told_the_first_line_is_enough() {
        assert_eq!(told_above("it crashed:\nin cmd.x\nat x.go:1\n"), "it crashed: (the rest is above)");
        assert_eq!(told_above("it crashed\n"), "it crashed");
        assert_eq!(told_above(""), "");
    }

    #[test]
    fn durations_have_the_unit_that_fits() {
        let table = [
            (0, "<1 ms"),
            (31, "31 ms"),
            (999, "999 ms"),
            (1000, "1.00 s"),
            (1214, "1.21 s"),
            (59_994, "59.99 s"),
            (59_996, "1 min 0 s"),
            (123_400, "2 min 3 s"),
            (3_723_000, "62 min 3 s"),
        ];
        for (millis, expected) in table {
            assert_eq!(duration(Duration::from_millis(millis)), expected, "{millis} ms");
        }
    }

    #[test]
    fn control_characters_become_visible() {
        assert_eq!(clean("a\u{1b}[31mb\r\nc\td\u{9b}\u{ffff}é"), "a\\u{1b}[31mb\\u{d}\nc d\\u{9b}\\u{ffff}é");
    }

    #[test]
    fn json_is_cleaned_by_its_own_escapes_and_reads_as_before() {
        let value = serde_json::json!({"a": "x\u{1b}[2J\u{9b}\u{7f}\u{202e}\u{2028}\u{ffff}é\n\t"});
        let text = clean_json(&serde_json::to_string_pretty(&value).unwrap());
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
        assert_eq!(clean(&text), text);
        assert_eq!(text, "{\n  \"a\": \"x\\u001b[2J\\u009b\\u007f\\u202e\\u2028\\uffffé\\n\\t\"\n}");
    }

    #[test]
    fn what_would_rearrange_its_surroundings_becomes_visible() {
        assert_eq!(clean("a\u{202e}b\u{2066}c\u{200f}d\u{2028}שלום"), "a\\u{202e}b\\u{2066}c\\u{200f}d\\u{2028}שלום");
    }

    #[test]
    fn digests_are_told_apart_by_their_first_digits() {
        let digest = "4b074fcfba9325c18e97569ed1988464309a5ebf64bbc79bec6f3d58cafcb8cf";
        let text = format!("x@sha256:{digest}, not sha256:{digest}; sha256:12ab, sha256:{digest}0");
        let short = "x@sha256:4b074fcfba93…, not sha256:4b074fcfba93…; sha256:12ab, sha256:";
        assert_eq!(short_digests(&text), format!("{short}{digest}0"));
    }

    #[test]
    fn what_is_cut_says_so() {
        assert_eq!(cut("one two", 7), "one two");
        assert_eq!(cut("one two", 6), "one t…");
        assert_eq!(cut("one two", 5), "one…");
        assert_eq!(cut("one two", 0), "");
    }
}
