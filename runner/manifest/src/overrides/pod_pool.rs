//! `--pod-pool CIDR`: the network that pod CIDRs are taken from.

use ipnet::Ipv4Net;
use serde::Serialize;
use std::fmt;
use std::str::FromStr;

use super::reference::Unusable;
use crate::Cidr;
use crate::value::is_unicast;

/// A network that pod CIDRs are taken from, and that is the native routing CIDR too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PodPool(Cidr);

/// The shortest prefix: that of the article's 10.0.0.0/8. A wider network would contain public addresses.
const WIDEST: u8 = 8;
/// The longest prefix: two pod CIDRs of /30, the smallest possible, still fit.
const NARROWEST: u8 = 29;

impl PodPool {
    /// The network.
    pub const fn cidr(self) -> Cidr {
        self.0
    }

    /// The network.
    pub const fn net(self) -> Ipv4Net {
        self.0.net()
    }
}

impl fmt::Display for PodPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.net().to_string())
    }
}

impl FromStr for PodPool {
    type Err = Unusable;

    fn from_str(text: &str) -> Result<Self, Unusable> {
        let wrong = || Unusable::new("an IPv4 network from /8 to /29 such as 10.244.0.0/16", text);
        let cidr = Cidr::try_from(text.to_owned()).map_err(|_malformed| wrong())?;
        let net = cidr.net();
        if !(WIDEST..=NARROWEST).contains(&net.prefix_len()) {
            return Err(wrong());
        }
        if !is_unicast(net) {
            return Err(Unusable::new(
                "a network of unicast addresses that hosts can have (not 0.0.0.0/8, loopback, link-local, multicast or reserved)",
                text,
            ));
        }
        Ok(Self(cidr))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_for_pods_are_taken_and_others_refused() {
        for text in ["10.244.0.0/16", "10.0.0.0/8", "192.168.8.0/29", "100.64.0.0/10"] {
            assert_eq!(text.parse::<PodPool>().map(|pool| pool.to_string()), Ok(text.to_owned()));
        }
        for text in ["10.244.0.1/16", "10.0.0.0", "10.0.0.0/7", "10.0.0.0/30", "0.0.0.0/0", "fd00::/8", ""] {
            let error = text.parse::<PodPool>().expect_err(text).to_string();
            assert_eq!(error, format!("expected an IPv4 network from /8 to /29 such as 10.244.0.0/16, found {text:?}"));
        }
        for text in ["127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/8", "240.0.0.0/8", "0.0.0.0/8"] {
            let error = text.parse::<PodPool>().expect_err(text).to_string();
            assert_eq!(
                error,
                format!(
                    "expected a network of unicast addresses that hosts can have (not 0.0.0.0/8, loopback, link-local, multicast or reserved), found {text:?}"
                )
            );
        }
    }
}
