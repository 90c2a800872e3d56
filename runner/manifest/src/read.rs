//! Reads JSON and YAML into types, with errors that name file, line and path.

use serde::de::{DeserializeOwned, DeserializeSeed};
use serde_json::error::Category;
use serde_path_to_error::Segment;
use serde_yaml::Value;

use super::error::ManifestError;
use super::locate::Locate;
use super::reword::{duplicate, reword};

/// Reads a JSON file.
pub(super) fn json<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, ManifestError> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| json_error(file, text, keys(error.path()), &error.into_inner()))?;
    reader.end().map_err(|error| json_error(file, text, Vec::new(), &error))?;
    Ok(value)
}

fn json_error(file: &str, text: &str, mut path: Vec<Segment>, error: &serde_json::Error) -> ManifestError {
    let file = file.to_owned();
    let (line, column) = (error.line(), error.column());
    let message = error.to_string();
    let message = message.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&message);
    if error.classify() != Category::Data {
        return ManifestError::Syntax { file, line, column, format: "JSON", problem: message.to_owned() };
    }
    let (problem, at) = reword(message, &mut path);
    let line = match (Locate { path: &path, at }).deserialize(&mut serde_json::Deserializer::from_str(text)) {
        Err(here) if !path.is_empty() => here.line(),
        Err(_) => 1,
        Ok(never) => match never {},
    };
    ManifestError::Invalid { file, line, path: show("", &path), problem }
}

/// A YAML file with valid syntax.
#[derive(Debug)]
pub(super) struct Yaml<'t> {
    file: &'t str,
    text: &'t str,
    /// The name of each document, which errors put before a path in it.
    names: &'t [&'t str],
    documents: Vec<Value>,
}

impl<'t> Yaml<'t> {
    /// Reads a file that must have as many documents as there are names.
    pub(super) fn parse(file: &'t str, text: &'t str, names: &'t [&'t str]) -> Result<Self, ManifestError> {
        let mut yaml = Self { file, text, names, documents: Vec::new() };
        for document in serde_yaml::Deserializer::from_str(text) {
            let document = serde_path_to_error::deserialize(document);
            let document = document.map_err(|error| yaml.unreadable(keys(error.path()), &error.into_inner()))?;
            yaml.documents.push(document);
        }
        let (expected, found) = (names.len(), yaml.documents.len());
        if found == expected {
            Ok(yaml)
        } else {
            Err(ManifestError::Documents { file: file.to_owned(), expected, found })
        }
    }

    /// Reads one of the documents into a type.
    pub(super) fn document<T: DeserializeOwned>(&self, index: usize) -> Result<T, ManifestError> {
        let value = self.documents.get(index).unwrap_or(&Value::Null);
        serde_path_to_error::deserialize(value)
            .map_err(|error| self.invalid(index, keys(error.path()), &error.into_inner().to_string()))
    }

    /// The error of the document after those that were read: invalid syntax, or a key that occurs twice.
    fn unreadable(&self, path: Vec<Segment>, error: &serde_yaml::Error) -> ManifestError {
        let (line, column) = error.location().map_or((1, 1), |location| (location.line(), location.column()));
        let problem = error.to_string().replacen(&format!(" at line {line} column {column}"), "", 1);
        if duplicate(&problem).is_some() {
            return self.invalid(self.documents.len(), path, &problem);
        }
        ManifestError::Syntax { file: self.file.to_owned(), line, column, format: "YAML", problem }
    }

    fn invalid(&self, index: usize, mut path: Vec<Segment>, message: &str) -> ManifestError {
        let (problem, at) = reword(message, &mut path);
        let locate = Locate { path: &path, at };
        let document = serde_yaml::Deserializer::from_str(self.text).nth(index);
        let line = match document.map(|document| locate.deserialize(document)) {
            Some(Err(here)) => here.location().map_or(1, |location| location.line()),
            Some(Ok(never)) => match never {},
            None => 1,
        };
        let name = self.names.get(index).copied().unwrap_or_default();
        ManifestError::Invalid { file: self.file.to_owned(), line, path: show(name, &path), problem }
    }
}

/// The keys and indexes of a path, without variants of enums, which are values in the files.
fn keys(path: &serde_path_to_error::Path) -> Vec<Segment> {
    path.iter().filter(|step| matches!(step, Segment::Map { .. } | Segment::Seq { .. })).cloned().collect()
}

fn show(name: &str, path: &[Segment]) -> String {
    path.iter().fold(name.to_owned(), |shown, step| match step {
        Segment::Map { key } if shown.is_empty() => key.clone(),
        Segment::Map { key } => format!("{shown}.{key}"),
        step => format!("{shown}{step}"),
    })
}
