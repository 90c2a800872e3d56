//! Tests of broken copies of `pins.json`.

use super::{PINS, refused};

#[test]
fn values_without_their_form() {
    let digest = "sha256:4b074fcfba9325c18e97569ed1988464309a5ebf64bbc79bec6f3d58cafcb8cf";
    let message =
        "DIR/pins.json:LINE: images.cilium.digest: expected \"sha256:\" and 64 hex digits, found \"sha256:4b07\"";
    refused(PINS, digest, "sha256:4b07", "sha256:4b07", message);
    // The value is on a later line than its key, and another follows.
    let key = format!("\"digest\": \"{digest}\"");
    refused(PINS, &key, "\"digest\":\n\n\"sha256:4b07\"\n\n", "\"sha256:4b07\"", message);
    refused(
        PINS,
        "\"version\": \"0.17.0\",",
        "\"version\": \"v0.17.0\",",
        "v0",
        "DIR/pins.json:LINE: tools.kind.version: expected a version of three numbers, without \"v\", found \"v0.17.0\"",
    );
    refused(
        PINS,
        "\"schema\": 1,",
        "\"schema\": 2, \"new\": 1,",
        "2",
        "DIR/pins.json:LINE: schema: expected schema 1, the only one that this program reads, found 2",
    );
}

#[test]
fn values_of_another_type() {
    // The value is on a later line than its key.
    refused(
        PINS,
        "\"schema\": 1,",
        "\"schema\":\n\n\"1\"\n\n,",
        "\"1\"",
        "DIR/pins.json:LINE: schema: expected a whole number, 0 or more, found \"1\"",
    );
    let (version, path) = ("\"version\": \"1.12.4\"", "DIR/pins.json:LINE: chart.version: expected a string, found");
    for (value, found) in [("12", "12"), ("1.12", "1.12"), ("true", "true"), ("null", "nothing")] {
        refused(PINS, version, &format!("\"version\": {value}"), "version", &format!("{path} {found}"));
    }
    refused(PINS, version, "\"version\": {\n\"a\": 1}", "version", &format!("{path} a mapping"));
    refused(PINS, version, "\"version\": [\n1]", "version", &format!("{path} a list"));
    refused(
        PINS,
        "\"kubernetes\": {\n    \"version\": \"1.25.3\",\n    \"osImage\": \"Ubuntu 22.04.1 LTS\",\n    \
         \"containerRuntimeVersion\": \"containerd://1.6.9\"\n  }",
        "\"kubernetes\": \"1.25.3\"",
        "kubernetes",
        "DIR/pins.json:LINE: kubernetes: expected a mapping, found \"1.25.3\"",
    );
    refused(
        PINS,
        "\"schema\": 1",
        "\"schema\": -1",
        "schema",
        "DIR/pins.json:LINE: schema: expected a whole number, 0 or more, found -1",
    );
}

#[test]
fn keys_that_are_missing_unknown_or_twice() {
    // The object that lacks the key is named, where it begins.
    refused(
        PINS,
        "\"docker\": {\n    \"apiMin\": \"1.41\",",
        "\"docker\": {",
        "docker",
        "DIR/pins.json:LINE: docker: expected a key `apiMin`, found none",
    );
    refused(PINS, "\"schema\": 1,", "", "", "DIR/pins.json:1: expected a key `schema`, found none");
    refused(
        PINS,
        "\"apiMin\": \"1.41\",",
        "\"apiMin\": \"1.41\",\n\"apiMni\":\n\"1.41\",",
        "\"apiMni\"",
        "DIR/pins.json:LINE: docker.apiMni: expected one of `apiMin`, `apiMax`, `note`, found an unknown key",
    );
    refused(
        PINS,
        "\"apiMin\": \"1.41\",",
        "\"apiMin\": \"1.41\",\n\"apiMin\": \"1.42\",",
        "\"apiMin\": \"1.42\"",
        "DIR/pins.json:LINE: docker.apiMin: expected this key once, found it twice",
    );
}

#[test]
fn text_that_is_no_json() {
    refused(PINS, "\"schema\": 1,", "\"schema\": 1", "", "DIR/pins.json:3:3: not valid JSON: expected `,` or `}`");
    let end = "\n  }\n}";
    refused(PINS, end, &format!("{end}\nmore"), "more", "DIR/pins.json:LINE:1: not valid JSON: trailing characters");
}
