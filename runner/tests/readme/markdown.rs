//! The documents, and as much of Markdown as they use.

use std::path::{Path, PathBuf};

/// README.md.
pub(crate) const README: &str = include_str!("../../../README.md");
/// README.zh-CN.md.
pub(crate) const CHINESE: &str = include_str!("../../../README.zh-CN.md");

/// What a console block's commands begin with.
const PROMPT: &str = "$ ";

/// The repository.
pub(crate) fn root() -> PathBuf {
    let runner = Path::new(env!("CARGO_MANIFEST_DIR"));
    runner.parent().expect("the package is a folder of the repository").to_owned()
}

/// A document: its path within the repository, and its text.
#[derive(Clone)]
pub(crate) struct Document {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Both READMEs and all of docs/.
pub(crate) fn documents() -> Vec<Document> {
    let readmes = [("README.md", README), ("README.zh-CN.md", CHINESE)];
    let mut documents = readmes.map(|(path, text)| Document { path: path.to_owned(), text: text.to_owned() }).to_vec();
    for entry in std::fs::read_dir(root().join("docs")).expect("there is a folder docs") {
        let path = entry.expect("it can be listed").path();
        if path.extension().is_some_and(|extension| extension == "md") {
            let text = std::fs::read_to_string(&path).expect("a document can be read");
            let name = path.file_name().and_then(|name| name.to_str()).expect("its name is text");
            documents.push(Document { path: format!("docs/{name}"), text });
        }
    }
    documents
}

/// A fenced block: its language and its lines.
pub(crate) struct Block<'a> {
    pub(crate) language: &'a str,
    pub(crate) lines: Vec<&'a str>,
}

/// All fenced blocks.
pub(crate) fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut open: Option<Block<'_>> = None;
    for line in text.lines() {
        match (line.strip_prefix("```"), open.as_mut()) {
            (Some(language), None) => open = Some(Block { language, lines: Vec::new() }),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => block.lines.push(line),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a fenced block is not closed");
    blocks
}

/// The text outside of fenced blocks.
pub(crate) fn prose(text: &str) -> String {
    let mut fenced = false;
    let mut prose = String::new();
    for line in text.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    prose
}

/// A command of a console block, and the lines that it printed.
pub(crate) struct Shown<'a> {
    pub(crate) command: &'a str,
    pub(crate) printed: Vec<&'a str>,
}

/// All commands of all console blocks.
pub(crate) fn commands(text: &str) -> Vec<Shown<'_>> {
    let mut shown: Vec<Shown<'_>> = Vec::new();
    for block in blocks(text).iter().filter(|block| block.language == "console") {
        assert!(block.lines.first().is_some_and(|line| line.starts_with(PROMPT)), "a console block begins with `$ `");
        for line in &block.lines {
            match line.strip_prefix(PROMPT) {
                Some(command) => shown.push(Shown { command, printed: Vec::new() }),
                None => shown.last_mut().expect("a command was first").printed.push(line),
            }
        }
    }
    shown
}

/// What stands between backticks outside of fenced blocks.
pub(crate) fn inline_code(text: &str) -> Vec<String> {
    prose(text).split('`').skip(1).step_by(2).map(words).collect()
}

/// The cells of the first table after a heading, without the table's own head.
pub(crate) fn table<'a>(text: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let lines = text.lines().skip_while(|line| *line != heading).skip_while(|line| !line.starts_with('|'));
    let rows: Vec<Vec<&str>> = lines
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert!(!rows.is_empty(), "there is no table after {heading}");
    rows
}

/// The part under a heading of the second level, up to the next one.
pub(crate) fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let begins = format!("\n{heading}\n");
    let (_, after) = text.split_once(&begins).unwrap_or_else(|| panic!("there is no {heading}"));
    after.split("\n## ").next().unwrap_or(after)
}

/// The same with single blanks.
pub(crate) fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
