use super::*;
use serde_json::json;

/// Texts with a secret each.
const SECRETS: &[(&str, &str)] = &[
    ("    client-key-data: LS0tLS1CRUdJTiBSU0E=\n", "LS0tLS1CRUdJTiBSU0E"),
    ("{\"token\":\"eyJhbGciOiJSUzI1NiIsImtpZCI6\",\"x\":1}\n", "eyJhbGciOiJSUzI1NiIsImtpZCI6"),
    ("Authorization: Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6\n", "eyJhbGciOiJSUzI1NiIsImtpZCI6"),
    ("kubeadm join 172.18.0.2:6443 --token abcdef.0123456789abcdef --discovery\n", "0123456789abcdef"),
    ("joined with abcdef.0123456789abcdef, then left\n", "abcdef.0123456789abcdef"),
    ("token=0123456789abcdefgh password=9876543210abcdefgh\n", "0123456789abcdefgh"),
    ("{\"stdout\":\"{\\\"token\\\": \\\"eyJhbGciOiJSUzI1NiIsImtpZCI6\\\"}\"}\n", "eyJhbGciOiJSUzI1NiIsImtpZCI6"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc\n-----END RSA PRIVATE KEY-----\n", "MIIEow"),
    // Short ones.
    ("{\"token\":\"s3cr3t\",\"x\":1}\n", "s3cr3t"),
    ("{\"password\" : \"pa\\\"ss w0rd\"}\n", "w0rd"),
    ("{\"stdout\":\"{\\\"password\\\": \\\"s3cr3t\\\"}\"}\n", "s3cr3t"),
    ("  password: s3cr3t\n", "s3cr3t"),
    ("- token: 'two words'\n", "words"),
    ("password: two words\n", "words"),
    ("password: |\n  s3cr3t\n  m0re\nuser: x\n", "m0re"),
    ("helm install --set cloud.token=s3cr3t,x=1\n", "s3cr3t"),
    ("login --password s3cr3t --user x\n", "s3cr3t"),
    ("login --password='s3 cr3t' --user x\n", "cr3t"),
    ("\"Env\": [\"DB_PASSWORD=s3cr3t\"]\n", "s3cr3t"),
    ("GET /?access_token=s3cr3t&x=1\n", "s3cr3t"),
    ("> Authorization: Basic dXM6cHc=\n", "dXM6cHc"),
    ("curl -H 'Authorization: s3cr3t' https://x\n", "s3cr3t"),
    ("sent authorization: bearer s3cr3t and left\n", "s3cr3t"),
    ("HTTPS_PROXY=http://user:s3cr3t@proxy:3128\n", "s3cr3t"),
    ("  client-certificate-data: TFM=\n", "TFM="),
];

#[test]
fn secrets_are_taken_out_wherever_they_stand() {
    for (text, secret) in SECRETS {
        let redacted = redact(text);
        assert!(!redacted.contains(secret), "{redacted:?}");
        assert!(redacted.contains(TAKEN_OUT), "{redacted:?}");
        let at = secret_at(&format!("first\n{text}")).expect("a line");
        assert!(at == 2 || text.contains('|') && at == 3, "{text:?}: {at}");
        assert_eq!((redact(&redacted), secret_at(&redacted)), (redacted.clone(), None), "{redacted:?}");
    }
    assert_eq!(redact("password: |\n  s3cr3t\n\n  m0re\nuser: x\n"), "password: |\n  (taken out)\nuser: x\n");
    assert_eq!(redact("login --password s3cr3t --user x\n"), "login --password (taken out) --user x\n");
    assert_eq!(redact("http://user:p@ss@proxy:3128/x\n"), "http://user:(taken out)@proxy:3128/x\n");
}

#[test]
fn what_is_no_secret_stays() {
    let text = "kubelet: token is missing\n\
        default via 172.18.0.1 dev eth0\n\
        10.0.1.0/24 via 172.18.0.3 dev eth0 proto kernel\n\
        secret \"cilium-ca\" not found\n\
        quay.io/cilium/cilium:v1.12.4@sha256:4b074fcfba9325c18e97569ed1988464309a5ebf64bbc79bec6f3d58cafcb8cf\n\
        MountVolume.SetUp succeeded for volume kube-api-access\n\
        automountServiceAccountToken: true\n\
        kube-apiserver --authorization-mode=Node,RBAC --token-ttl 0 --tls-private-key-file=/x/y.key\n\
        \"secret\": {\"secretName\": \"cilium-ca\", \"defaultMode\": 256},\n\
        the bearer token has expired, error: token: no such file\n\
        https://10.0.1.2:8080/x?y@z and mail@example.org\n";
    assert_eq!(redact(text), text);
    assert_eq!(secret_at(text), None);
    let after = redact("-----BEGIN EC PRIVATE KEY-----\nx\n-----END EC PRIVATE KEY-----\nafter\n");
    assert!(after.ends_with("after\n"), "{after:?}");
}

#[test]
fn secrets_are_taken_out_of_json_so_that_its_text_has_none() {
    let mut value = json!({
        "token": "s3cr3t", "X-Api-Key": "s3cr3t", "password": "", "passwd": "-----BEGIN s3cr3t",
        "secret": {"secretName": "cilium-ca"}, "automountServiceAccountToken": true, "auth": "czNjcjN0",
        "items": [{"kind": "Secret", "data": {"ca.key": "s3cr3t"}, "stringData": {"x": "s3cr3t"}}],
        "env": [{"name": "DB_PASSWORD", "value": "s3cr3t"}, {"name": "PLAIN", "value": "stays"}],
        "stdout": "one\ntoken: s3cr3t\n{\"password\": \"s3cr3t\"}\n-----BEGIN PRIVATE KEY-----\ns3cr3t\n-----END PRIVATE KEY-----\n",
    });
    in_json(&mut value);
    let once = value.clone();
    in_json(&mut value);
    assert_eq!(value, once);
    let text = value.to_string();
    assert!(!text.contains("s3cr3t") && !text.contains("czNjcjN0"), "{text}");
    assert_eq!(secret_at(&text), None, "{text}");
    assert_eq!(secret_at(&serde_json::to_string_pretty(&value).unwrap()), None, "{value:#}");
    assert_eq!(value["password"], "");
    assert_eq!(value["secret"]["secretName"], "cilium-ca");
    assert_eq!(value["env"][1]["value"], "stays");
    assert_eq!(value["stdout"], "one\ntoken: (taken out)\n{\"password\": \"(taken out)\"}\n(taken out)\n");
    assert_eq!(redacted(&vec!["token=s3cr3t".to_owned(), "x".to_owned()]).unwrap(), ["token=(taken out)", "x"]);
}
