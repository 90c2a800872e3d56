//! Taking secrets out of texts that are kept or handed on.

/// What stands in the place of a secret.
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

/// `key: value`, `key=value` and `--key value`.
fn values(line: &str) -> String {
    let lower = line.to_ascii_lowercase();
    for key in KEYS {
        for separator in [":", "=", " ", "\":"] {
            let Some(at) = lower.find(&format!("{key}{separator}")) else { continue };
            let from = at + key.len() + separator.len();
            let rest = &line[from..];
            let value = rest.trim_start_matches([' ', '"', '\'']);
            let secret: usize = value.find([' ', '"', '\'', ',', '\n']).unwrap_or(value.len());
            // A word in prose is no value: secrets are long.
            if secret < 12 || value[..secret].starts_with(TAKEN_OUT) {
                continue;
            }
            let start = from + (rest.len() - value.len());
            return format!("{}{TAKEN_OUT}{}", &line[..start], values(&line[start + secret..]));
        }
    }
    line.to_owned()
}

/// kubeadm's tokens: six and sixteen characters of `[a-z0-9]` with a dot between.
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
            ("-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc\n-----END RSA PRIVATE KEY-----\n", "MIIEow"),
        ] {
            let redacted = redact(text);
            assert!(!redacted.contains(secret), "{redacted:?}");
            assert!(redacted.contains(TAKEN_OUT), "{redacted:?}");
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
        let after = redact("-----BEGIN EC PRIVATE KEY-----\nx\n-----END EC PRIVATE KEY-----\nafter\n");
        assert!(after.ends_with("after\n"), "{after:?}");
    }
}
