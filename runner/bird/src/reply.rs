//! BIRD's control protocol: a question is a line; an answer is lines that begin with a code of four digits.
//!
//! After the code there is `-` where more lines follow and a blank in the last one; a line that begins with a blank has the
//! code of the one before. Codes from 8000 on are errors (BIRD 2: `doc/reply_codes`).

/// The first code of an error.
const ERRORS: u16 = 8000;
/// What `birdc -v` writes more than BIRD said.
const PRINTED_BEFORE: &str = "    ";

/// A line of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it is about: 1002 a protocol, 1006 details of it, 1007 a route.
    pub code: u16,
    /// What follows the code.
    pub text: String,
}

/// An answer while its lines come in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    lines: Vec<Line>,
    /// Whether its last line has come.
    complete: bool,
}

impl Reply {
    /// Takes its next line.
    ///
    /// # Errors
    /// When that is none of the protocol, or BIRD says that it failed.
    pub fn push(&mut self, text: &str) -> Result<(), String> {
        let (line, last) = split(text, self.lines.last().map(|line| line.code))?;
        if line.code >= ERRORS {
            return Err(format!("{} {}", line.code, line.text));
        }
        self.lines.push(line);
        self.complete = last;
        Ok(())
    }

    /// All its lines, once the last one has come.
    pub fn whole(&mut self) -> Option<Vec<Line>> {
        self.complete.then(|| std::mem::take(self).lines)
    }

    /// What `birdc -v` printed for one question: the greeting, and all lines of the answer but the last, which says nothing. It
    /// writes four blanks more before a line that has the code of the one before.
    ///
    /// # Errors
    /// As [`Self::push`], and for what is no answer at all.
    pub fn printed(text: &str) -> Result<(Vec<Line>, Vec<Line>), String> {
        let mut reply = Self::default();
        for line in text.lines() {
            reply.push(line.strip_prefix(PRINTED_BEFORE).unwrap_or(line))?;
        }
        let mut lines = reply.lines.into_iter();
        let greeting = lines.next().ok_or("it printed nothing")?;
        Ok((vec![greeting], lines.collect()))
    }
}

/// A line's code and text, and whether it is the last one.
fn split(line: &str, before: Option<u16>) -> Result<(Line, bool), String> {
    let odd = || format!("a line that is none of its protocol: {line:?}");
    if let Some(text) = line.strip_prefix(' ') {
        return Ok((Line { code: before.ok_or_else(odd)?, text: text.to_owned() }, false));
    }
    let (code, rest) = line.split_at_checked(4).ok_or_else(odd)?;
    let code = code.parse().map_err(|_not_digits| odd())?;
    match rest.split_at_checked(1) {
        Some(("-", text)) => Ok((Line { code, text: text.to_owned() }, false)),
        Some((" ", text)) => Ok((Line { code, text: text.to_owned() }, true)),
        _ => Err(odd()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(code: u16, text: &str) -> Line {
        Line { code, text: text.to_owned() }
    }

    #[test]
    fn lines_are_told_apart_by_what_follows_their_code() {
        assert_eq!(split("1002-a b", None), Ok((line(1002, "a b"), false)));
        assert_eq!(split("   c", Some(1006)), Ok((line(1006, "  c"), false)));
        assert_eq!(split("0000 ", Some(1006)), Ok((line(0, ""), true)));
        assert_eq!(split("9001 syntax error", None), Ok((line(9001, "syntax error"), true)));
        for odd in ["", "100", " first", "1002", "1002+x", "abcd-x", "1é02-"] {
            assert!(split(odd, None).is_err(), "{odd:?}");
        }
    }

    #[test]
    fn what_birdc_prints_is_read_as_what_bird_says() {
        let text = "0001 BIRD 2.0.12 ready.\n2002-Name       Proto\n1002-device1    Device\n1006-  BGP state:          Down\n         Last error:       Error\n     \n";
        let (greeting, lines) = Reply::printed(text).unwrap();
        assert_eq!(greeting, [line(1, "BIRD 2.0.12 ready.")]);
        assert_eq!(
            lines,
            [
                line(2002, "Name       Proto"),
                line(1002, "device1    Device"),
                line(1006, "  BGP state:          Down"),
                line(1006, "    Last error:       Error"),
                line(1006, ""),
            ]
        );
        assert_eq!(
            Reply::printed("0001 BIRD 2.0.12 ready.\n8001 Reply too long\n"),
            Err("8001 Reply too long".to_owned())
        );
        let refused = Reply::printed("0001 BIRD 2.0.12 ready.\nNo such command. Press `?' for help.\n");
        assert!(refused.unwrap_err().contains("none of its protocol"));
        assert_eq!(Reply::printed(""), Err("it printed nothing".to_owned()));
    }
}
