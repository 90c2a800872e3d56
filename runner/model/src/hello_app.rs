//! What hello-app 1.0 answers (GoogleCloudPlatform/kubernetes-engine-samples, hello-app's `main.go`, `hello()`).

const BEFORE: &str = "Hello, world!\nVersion: 1.0.0\nHostname: ";

/// Its three lines, on a host of this name.
pub fn answer(hostname: &str) -> String {
    format!("{BEFORE}{hostname}\n")
}

/// The host that names itself in exactly these three lines; none in any other answer.
pub fn hostname(body: &str) -> Option<&str> {
    body.strip_prefix(BEFORE)?.strip_suffix('\n').filter(|hostname| !hostname.contains('\n'))
}
