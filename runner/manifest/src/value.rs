//! Types for values of a certain form. Reading a value that does not have the form fails.

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

use lab_base::{hex, sha256};

/// A value that does not have the form that its key needs. Its message is the second half of an error line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found {found}")]
pub struct Malformed {
    /// A text that describes the form.
    pub expected: &'static str,
    /// The value that was found, quoted if it is a text.
    pub found: String,
}

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// The text as it is in the file.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = Malformed;

            fn try_from(text: String) -> Result<Self, Malformed> {
                let valid: fn(&str) -> bool = $valid;
                if valid(&text) {
                    Ok(Self(text))
                } else {
                    Err(Malformed { expected: $expected, found: format!("{text:?}") })
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

text! {
    /// Digest of an image in a registry (OCI image specification: descriptors, digests).
    Digest, "\"sha256:\" and 64 hex digits",
    |text| text.strip_prefix("sha256:").is_some_and(|digits| is_hex(digits, 64))
}

impl Digest {
    /// The digest of content with this SHA-256.
    pub fn from_sha256(hash: [u8; 32]) -> Self {
        Self(format!("sha256:{}", hex(&hash)))
    }

    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(format!("sha256:{}", sha256(bytes)))
    }

    /// Its 64 hex digits.
    pub fn hex(&self) -> &str {
        self.0.strip_prefix("sha256:").unwrap_or(&self.0)
    }
}

impl Sha256 {
    /// The SHA-256 of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha256(bytes))
    }

    /// The text of this SHA-256.
    pub fn from_sha256(hash: [u8; 32]) -> Self {
        Self(hex(&hash))
    }
}

text! {
    /// SHA-256 of a file, as `sha256sum` prints it.
    Sha256, "64 hex digits", |text| is_hex(text, 64)
}
text! {
    /// Hash of a file, or of a source tree's NAR, as Nix writes it (subresource integrity).
    NarHash, "\"sha256-\" and 43 base64 digits and \"=\"",
    |text| {
        text.strip_prefix("sha256-").and_then(|rest| rest.strip_suffix('=')).is_some_and(|digits| {
            digits.len() == 43 && digits.chars().all(|c| c.is_ascii_alphanumeric() || c == '+' || c == '/')
        })
    }
}
text! {
    /// A Git commit.
    Revision, "40 hex digits", |text| is_hex(text, 40)
}
text! {
    /// A release's version without a leading `v`.
    Version, "a version of three numbers, without \"v\"", |text| is_numbers(text, 3)
}
text! {
    /// A version of the Docker Engine API.
    ApiVersion, "an API version of two numbers", |text| is_numbers(text, 2)
}
text! {
    /// A branch of nixpkgs.
    NixRelease, "\"nixos-\" and a release such as 26.05",
    |text| text.strip_prefix("nixos-").is_some_and(|release| is_numbers(release, 2))
}
text! {
    /// An address that a file can be downloaded from.
    Url, "an https:// address",
    |text| text.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace))
}
text! {
    /// An owner or a repository on GitHub.
    GithubName, "a name on GitHub",
    |text| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}
text! {
    /// An image's name without tag and digest (OCI distribution specification: `name`, with a registry before it).
    Repository, "an image's name without tag and digest",
    |text| {
        !text.is_empty()
            && text.split('/').all(|part| {
                !part.is_empty()
                    && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c))
            })
    }
}
text! {
    /// An image's tag (OCI distribution specification: `reference`).
    Tag, "an image's tag",
    |text| {
        (1..=128).contains(&text.len())
            && !text.starts_with(['.', '-'])
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    }
}
text! {
    /// The name of an object in Kubernetes (RFC 1123, a label; names of Services must be one).
    ObjectName, "a name of lower-case letters, digits and \"-\", 63 at most",
    |text| {
        (1..=63).contains(&text.len())
            && !text.starts_with('-')
            && !text.ends_with('-')
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    }
}

/// An IPv4 network whose host bits are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Cidr(Ipv4Net);

impl Cidr {
    /// The network.
    pub const fn net(self) -> Ipv4Net {
        self.0
    }
}

impl TryFrom<String> for Cidr {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        match text.parse::<Ipv4Net>() {
            Ok(net) if net.trunc() == net => Ok(Self(net)),
            _ => Err(Malformed { expected: "an IPv4 network such as 10.0.0.0/8", found: format!("{text:?}") }),
        }
    }
}

/// Whether all of a network's addresses are such as hosts can have (RFC 6890, RFC 5771).
pub(super) fn is_unicast(net: Ipv4Net) -> bool {
    let first = net.network();
    first.octets()[0] != 0 && !first.is_loopback() && !first.is_link_local() && first.octets()[0] < 224
}

/// A network that Services get their addresses from. kubeadm v1.25 takes no wider one than /12, and wants ten addresses
/// (`cmd/kubeadm/app/apis/kubeadm/validation`, `ValidateIPNetFromString`); the lab's own Service needs one beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct ServiceCidr(Ipv4Net);

impl ServiceCidr {
    /// The network.
    pub const fn net(self) -> Ipv4Net {
        self.0
    }
}

impl TryFrom<String> for ServiceCidr {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        match text.parse::<Ipv4Net>() {
            Ok(net) if net.trunc() == net && (12..=27).contains(&net.prefix_len()) && is_unicast(net) => Ok(Self(net)),
            _ => Err(Malformed {
                expected: "an IPv4 network of addresses that hosts can have, from /12 to /27, such as 10.96.0.0/16",
                found: format!("{text:?}"),
            }),
        }
    }
}

impl FromStr for ServiceCidr {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        text.to_owned().try_into()
    }
}

impl fmt::Display for ServiceCidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident: $inner:ty, $range:expr, $expected:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "u64")]
        pub struct $name($inner);

        impl $name {
            /// The number.
            pub const fn get(self) -> $inner {
                self.0
            }
        }

        impl TryFrom<u64> for $name {
            type Error = Malformed;

            fn try_from(number: u64) -> Result<Self, Malformed> {
                <$inner>::try_from(number)
                    .ok()
                    .filter(|number| $range.contains(number))
                    .map(Self)
                    .ok_or_else(|| Malformed { expected: $expected, found: number.to_string() })
            }
        }
    };
}

number! {
    /// The version of the format of `pins.json`. It is increased when older programs could not read the file correctly.
    Schema: u8, (1..=1), "schema 1, the only one that this program reads"
}
number! {
    /// A TCP port.
    Port: u16, (1..=u16::MAX), "a port from 1 to 65535"
}
number! {
    /// Prefix length of a node's pod CIDR. The CIDR has room for a router and at least one pod.
    MaskSize: u8, (1..=30), "a prefix length from 1 to 30"
}
number! {
    /// How many pods a workload has.
    Replicas: usize, (1..=usize::MAX), "1 or more"
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_numbers(text: &str, count: usize) -> bool {
    text.split('.').count() == count
        && text.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused<T: TryFrom<String>>(text: &str) -> bool {
        T::try_from(text.to_owned()).is_err()
    }

    #[test]
    fn digests_and_hashes_have_their_length_and_alphabet() {
        let hex = "0123456789abcdef".repeat(4);
        assert!(!refused::<Digest>(&format!("sha256:{hex}")));
        assert!(refused::<Digest>(&hex));
        assert!(refused::<Digest>(&format!("sha256:{}", &hex[1..])));
        assert!(refused::<Digest>(&format!("sha256:{}", hex.to_uppercase())));
        assert!(!refused::<Sha256>(&hex));
        assert!(refused::<Sha256>(&format!("{}g", &hex[1..])));
        assert!(!refused::<Revision>(&hex[..40]));
        assert!(refused::<Revision>(&hex));
        let base64 = "A+/z".repeat(11);
        assert!(!refused::<NarHash>(&format!("sha256-{}=", &base64[1..])));
        assert!(refused::<NarHash>(&format!("sha256-{base64}")));
        assert!(refused::<NarHash>(&format!("sha256-{}=", &base64[..42])));
    }

    #[test]
    fn a_digest_is_that_of_the_content() {
        // FIPS 180-2, appendix B.1.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Digest::of(b"abc").as_str(), format!("sha256:{abc}"));
        assert_eq!(Digest::of(b"abc").hex(), abc);
        assert_eq!(Sha256::of(b"abc").as_str(), abc);
    }

    #[test]
    fn versions_are_numbers() {
        assert!(!refused::<Version>("1.25.3"));
        assert!(refused::<Version>("v1.25.3"));
        assert!(refused::<Version>("1.25"));
        assert!(refused::<Version>("1..3"));
        assert!(!refused::<ApiVersion>("1.41"));
        assert!(refused::<ApiVersion>("1.41.0"));
        assert!(!refused::<NixRelease>("nixos-26.05"));
        assert!(refused::<NixRelease>("26.05"));
    }

    #[test]
    fn names_have_the_alphabet_of_their_kind() {
        assert!(!refused::<ObjectName>("hello-app"));
        assert!(refused::<ObjectName>("hello_app"));
        assert!(refused::<ObjectName>("-hello"));
        assert!(refused::<ObjectName>(&"a".repeat(64)));
        assert!(!refused::<Repository>("quay.io/cilium/cilium"));
        assert!(refused::<Repository>("cilium:v1"));
        assert!(refused::<Repository>("/cilium"));
        assert!(!refused::<Tag>("v1.12.4"));
        assert!(refused::<Tag>(".1"));
        assert!(refused::<Tag>(""));
        assert!(!refused::<GithubName>("GoogleCloudPlatform"));
        assert!(refused::<GithubName>("cilium/cilium"));
        assert!(!refused::<Url>("https://helm.cilium.io/"));
        assert!(refused::<Url>("http://helm.cilium.io/"));
        assert!(refused::<Url>("https://"));
    }

    #[test]
    fn networks_have_no_host_bits() {
        assert_eq!(Cidr::try_from("10.0.0.0/8".to_owned()).map(|cidr| cidr.net().to_string()), Ok("10.0.0.0/8".into()));
        assert!(refused::<Cidr>("10.0.0.1/8"));
        assert!(refused::<Cidr>("10.0.0.0"));
        assert!(refused::<Cidr>("10.0.0.0/33"));
        assert!(refused::<Cidr>("fd00::/8"));
    }

    #[test]
    fn networks_of_services_are_those_that_kubeadm_takes() {
        for text in ["10.96.0.0/16", "172.16.0.0/12", "192.168.0.0/27"] {
            assert_eq!(text.parse::<ServiceCidr>().map(|cidr| cidr.to_string()), Ok(text.to_owned()));
        }
        for text in ["10.0.0.0/11", "10.96.0.0/28", "10.96.0.1/16", "127.0.0.0/16", "224.0.0.0/12", "fd00::/108", ""] {
            assert!(refused::<ServiceCidr>(text), "{text}");
        }
    }

    #[test]
    fn numbers_have_bounds() {
        assert_eq!(Port::try_from(65535).map(Port::get), Ok(65535));
        assert!(Port::try_from(0).is_err());
        assert!(Port::try_from(65536).is_err());
        assert_eq!(MaskSize::try_from(30).map(MaskSize::get), Ok(30));
        assert!(MaskSize::try_from(31).is_err());
        assert!(MaskSize::try_from(0).is_err());
        assert!(MaskSize::try_from(280).is_err());
        assert!(Replicas::try_from(0).is_err());
        assert!(Schema::try_from(2).is_err());
    }
}
