//! Removes secrets from texts that are kept in a run's folder or passed on.

/// The text that replaces a secret.
const TAKEN_OUT: &str = "(taken out)";

/// Words after which the rest of a line's value is a secret: keys of kubeconfigs and Secrets, options of kubeadm.
const KEYS: &[&str] = &[
    "client-key-data",
    "client-certificate-data",
    "certificate-key",
    "discovery-token-ca-cert-hash",
    "authorization",
    "password",
    "bearer",
    "secret",
    "token",
];

/// Values with fewer characters than this are not taken for secrets: words of prose follow the same keys.
const SHORTEST: usize = 12;

/// The text without private keys, tokens and passwords.
pub fn redact(text: &str) -> String {
    let mut within_key = false;
    let mut lines = Vec::new();
    for line in text.split_inclusive('\n') {
        if within_key {
            within_key = !line.contains("-----END");
            continue;
        }
        if let Some(at) = line.find("-----BEGIN").filter(|_| line.contains("PRIVATE KEY")) {
            within_key = !line.contains("-----END");
            lines.push(format!("{}{TAKEN_OUT}\n", &line[..at]));
            continue;
        }
        lines.push(bootstrap_tokens(&values(line)));
    }
    lines.concat()
}

/// The number, counted from 1, of the first line in which [`redact`] would replace something.
pub fn secret_at(text: &str) -> Option<usize> {
    text.lines()
        .position(|line| {
            line.contains("PRIVATE KEY") && line.contains("-----BEGIN") || {
                !secrets(line).is_empty() || bootstrap_tokens(line) != line
            }
        })
        .map(|index| index + 1)
}

/// The line with the values of secret keys replaced: `key: value`, `key=value` and `--key value`.
fn values(line: &str) -> String {
    let (mut kept, mut done) = (String::with_capacity(line.len()), 0);
    for (start, end) in secrets(line) {
        kept.push_str(&line[done..start]);
        kept.push_str(TAKEN_OUT);
        done = end;
    }
    kept + &line[done..]
}

/// The byte ranges of the values of secret keys, in order and without overlaps.
fn secrets(line: &str) -> Vec<(usize, usize)> {
    // JSON within JSON has its quotes escaped.
    const SEPARATORS: [&str; 5] = [":", "=", " ", "\":", "\\\":"];
    let lower = line.to_ascii_lowercase();
    let after = |key: &&str| {
        let length = key.len();
        lower.match_indices(*key).map(move |(at, _)| at + length).collect::<Vec<_>>()
    };
    let separated = |at: usize| {
        SEPARATORS.iter().find(|separator| lower[at..].starts_with(**separator)).map(|separator| at + separator.len())
    };
    let mut from: Vec<usize> = KEYS.iter().flat_map(after).filter_map(separated).collect();
    from.sort_unstable();
    let mut found: Vec<(usize, usize)> = Vec::new();
    for from in from {
        if found.last().is_some_and(|(_, end)| from < *end) {
            continue;
        }
        let rest = &line[from..];
        let value = rest.trim_start_matches([' ', '"', '\'', '\\']);
        let length = value.find([' ', '"', '\'', ',', '\n', '\\']).unwrap_or(value.len());
        // A short word is prose, not a secret.
        if length < SHORTEST || value[..length].starts_with(TAKEN_OUT) {
            continue;
        }
        let start = from + (rest.len() - value.len());
        found.push((start, start + length));
    }
    found
}

/// The line with kubeadm's bootstrap tokens replaced: six and sixteen characters of `[a-z0-9]` with a dot between.
fn bootstrap_tokens(line: &str) -> String {
    let is_part = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    line.split_inclusive(|c: char| !(c.is_ascii_alphanumeric() || c == '.'))
        .map(|word| {
            let bare = word.trim_end_matches(|c: char| !(c.is_ascii_alphanumeric() || c == '.'));
            match bare.split_once('.') {
                Some((id, secret)) if is_part(id, 6) && is_part(secret, 16) => word.replace(bare, TAKEN_OUT),
                _ => word.to_owned(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_taken_out_wherever_they_stand() {
        for (text, secret) in [
            ("    client-key-data: LS0tLS1CRUdJTiBSU0E=\n", "LS0tLS1CRUdJTiBSU0E"),
            ("{\"token\":\"eyJhbGciOiJSUzI1NiIsImtpZCI6\",\"x\":1}\n", "eyJhbGciOiJSUzI1NiIsImtpZCI6"),
            ("Authorization: Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6\n", "eyJhbGciOiJSUzI1NiIsImtpZCI6"),
            ("kubeadm join 172.18.0.2:6443 --token abcdef.0123456789abcdef --discovery\n", "0123456789abcdef"),
            ("joined with abcdef.0123456789abcdef, then left\n", "abcdef.0123456789abcdef"),
            ("token=short token=0123456789abcdefgh password=x\n", "0123456789abcdefgh"),
            ("token=0123456789abcdefgh password=9876543210abcdefgh\n", "0123456789abcdefgh"),
            (
                "{\"stdout\":\"{\\\"token\\\": \\\"eyJhbGciOiJSUzI1NiIsImtpZCI6\\\"}\"}\n",
                "eyJhbGciOiJSUzI1NiIsImtpZCI6",
            ),
            ("-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc\n-----END RSA PRIVATE KEY-----\n", "MIIEow"),
        ] {
            let redacted = redact(text);
            assert!(!redacted.contains(secret), "{redacted:?}");
            assert!(redacted.contains(TAKEN_OUT), "{redacted:?}");
            assert_eq!(secret_at(&format!("first\n{text}")), Some(2), "{text:?}");
            assert_eq!((redact(&redacted), secret_at(&redacted)), (redacted.clone(), None), "{redacted:?}");
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        let text = "kubelet: token is missing\n\
            default via 172.18.0.1 dev eth0\n\
            10.0.1.0/24 via 172.18.0.3 dev eth0 proto kernel\n\
            secret \"cilium-ca\" not found\n\
            quay.io/cilium/cilium:v1.12.4@sha256:4b074fcfba9325c18e97569ed1988464309a5ebf64bbc79bec6f3d58cafcb8cf\n\
            MountVolume.SetUp succeeded for volume kube-api-access\n";
        assert_eq!(redact(text), text);
        assert_eq!(secret_at(text), None);
        let after = redact("-----BEGIN EC PRIVATE KEY-----\nx\n-----END EC PRIVATE KEY-----\nafter\n");
        assert!(after.ends_with("after\n"), "{after:?}");
    }
}
