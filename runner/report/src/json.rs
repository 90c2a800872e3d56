//! `report.json`: the report as JSON, and back.

use serde::{Deserialize, Serialize};

use lab_model::report::{Report, SCHEMA};

/// Why a report is not one.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// It has another shape; where.
    #[error("{path}: not as a report has it")]
    Shape {
        /// The key, for example `cases[3].outcome`.
        path: String,
        /// What the parser says of it.
        source: serde_json::Error,
    },
    /// It was written by a program of another format.
    #[error("schema: expected {SCHEMA}, found {found}: this report was written by another version of lab")]
    Schema {
        /// The version it claims.
        found: u32,
    },
}

/// The report and what follows from it.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    report: &'a Report,
    /// Computed from the verdicts each time, so that it cannot contradict them.
    exit_code: u8,
}

#[derive(Deserialize)]
struct Schema {
    schema: u32,
}

/// The report as indented JSON with a line feed at its end.
///
/// # Errors
/// [`JsonError::Shape`] if a value of it has no JSON form.
pub fn to_json(report: &Report) -> Result<String, JsonError> {
    let document = Document { report, exit_code: report.exit_code() };
    let mut text = serde_json::to_string_pretty(&document)
        .map_err(|source| JsonError::Shape { path: "the report".to_owned(), source })?;
    text.push('\n');
    Ok(text)
}

/// Reads what [`to_json`] wrote. Keys that this version does not know are passed over.
///
/// # Errors
/// [`JsonError`], naming the key, or the version if it is another.
pub fn from_json(text: &str) -> Result<Report, JsonError> {
    // The version first: of another format, no complaint about a key would help.
    let Schema { schema } = parse(text)?;
    if schema != SCHEMA {
        return Err(JsonError::Schema { found: schema });
    }
    parse(text)
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, JsonError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = match error.path().to_string() {
            root if root == "." => "the report".to_owned(),
            key => key,
        };
        JsonError::Shape { path, source: error.into_inner() }
    })
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use serde_json::Value;
    use std::fs;
    use std::path::Path;

    #[test]
    fn what_is_written_reads_back() {
        for report in [samples::run_that_holds(), samples::run_with_every_outcome()] {
            let text = to_json(&report).unwrap();
            assert_eq!(from_json(&text).unwrap(), report);
        }
    }

    #[test]
    fn the_agreed_keys_are_there() {
        let text = to_json(&samples::run_with_every_outcome()).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["schema"], 1);
        assert_eq!(value["backend"], "netns");
        assert_eq!(value["routing"], "native");
        assert!(value["deviations"].is_array());
        assert_eq!(value["exit_code"], 1);
        assert_eq!(value["started"], "2026-03-01T12:00:00Z");
        assert_eq!(value["stages"][0]["name"], "cluster_created");
        assert_eq!(value["stages"][0]["outcome"], "done");
        assert_eq!(value["stages"][0]["seconds"], 0.031);
        let outcomes: Vec<&str> =
            value["cases"].as_array().unwrap().iter().map(|case| case["outcome"].as_str().unwrap()).collect();
        assert_eq!(outcomes, ["held", "refuted", "unobserved", "deadline", "blocked", "blocked", "not_on_backend"]);
        for case in value["cases"].as_array().unwrap() {
            for key in ["name", "claim", "expected", "observed", "article"] {
                assert!(case[key].is_string(), "{key} of {case}");
            }
            assert!(case["seconds"].is_f64() && case["evidence"].is_array() && case["by_hand"].is_array(), "{case}");
        }
    }

    #[test]
    fn a_report_without_the_later_keys_reads_too() {
        let mut value: Value = serde_json::from_str(&to_json(&samples::run_that_holds()).unwrap()).unwrap();
        value.as_object_mut().unwrap().remove("overridden").unwrap();
        for case in value["cases"].as_array_mut().unwrap() {
            case.as_object_mut().unwrap().remove("deviation").unwrap();
        }
        assert_eq!(from_json(&value.to_string()).unwrap(), samples::run_that_holds());
    }

    #[test]
    fn the_document_names_every_key() {
        fn keys(value: &Value, into: &mut Vec<String>) {
            match value {
                Value::Object(map) => {
                    for (key, value) in map {
                        into.push(key.clone());
                        keys(value, into);
                    }
                }
                Value::Array(list) => list.iter().for_each(|value| keys(value, into)),
                _ => {}
            }
        }
        let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/report.md");
        let document = fs::read_to_string(document).unwrap();
        let text = to_json(&samples::run_with_every_outcome()).unwrap();
        let mut written = Vec::new();
        keys(&serde_json::from_str(&text).unwrap(), &mut written);
        written.sort();
        written.dedup();
        // Of a finding's place: it is described in words.
        written.retain(|key| key != "node");
        let missing: Vec<_> = written.iter().filter(|key| !document.contains(&format!("`{key}`"))).collect();
        assert!(missing.is_empty(), "not in docs/report.md: {missing:?}");
    }

    #[test]
    fn another_schema_is_refused_before_its_keys_are() {
        let error = from_json(r#"{"schema": 2}"#).unwrap_err();
        assert!(matches!(error, JsonError::Schema { found: 2 }), "{error}");
    }

    #[test]
    fn a_wrong_value_is_named_by_its_key() {
        let text = to_json(&samples::run_that_holds()).unwrap();
        let error = from_json(&text.replacen("\"done\"", "\"begun\"", 1)).unwrap_err();
        assert_eq!(error.to_string(), "stages[0].outcome: not as a report has it");
    }
}
