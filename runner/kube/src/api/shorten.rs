//! Shortens texts of other programs, to fit on one line of a message.

/// The text on one line, cut to at most this many characters.
pub(super) fn cut(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Several texts on one line; only the first few, and the number of the others.
pub(super) fn some_of(things: &[String]) -> String {
    const NAMED: usize = 4;
    let named = things.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join("; ");
    match things.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named}; and {more} more"),
    }
}

/// The last lines of a log that are not empty, each cut to `most` characters.
pub(super) fn last_lines(log: &str, lines: usize, most: usize) -> String {
    let all: Vec<&str> = log.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let last = &all[all.len().saturating_sub(lines)..];
    last.iter().map(|line| cut(line, most)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_on_one_line_of_a_bounded_length() {
        assert_eq!(cut(" level=fatal\n  msg=\"no\troute\" ", 40), "level=fatal msg=\"no route\"");
        assert_eq!(cut("äöü and more", 3), "äöü…");
    }

    #[test]
    fn many_things_are_counted() {
        let things: Vec<String> = ["a", "b", "c", "d", "e", "f"].map(str::to_owned).to_vec();
        assert_eq!(some_of(&things[..2]), "a; b");
        assert_eq!(some_of(&things), "a; b; c; d; and 2 more");
    }

    #[test]
    fn a_log_ends_with_its_last_lines() {
        assert_eq!(last_lines("one\ntwo\n\nthree\r\n", 2, 80), "two\nthree");
        assert_eq!(last_lines("", 2, 80), "");
    }
}
