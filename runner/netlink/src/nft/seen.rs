//! Reads the tables, rules and elements that the kernel has.

use super::expression::{Expression, parse};
use super::object::{DATA_VALUE, ELEMENT_DATA, ELEMENT_KEY, Element, of_table, request};
use super::{IPV4, attributes};
use crate::error::Error;
use crate::read::Message;
use crate::request::flags;
use crate::socket::Socket;

// NFT_MSG_*.
const GETTABLE: u16 = 1;
pub(super) const GETRULE: u16 = 7;
pub(super) const GETSETELEM: u16 = 13;
const GETGEN: u16 = 16;

/// Octets of `struct nfgenmsg`.
pub(super) const HEADER: usize = 4;

/// A rule as the kernel shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its table.
    pub table: String,
    /// Its chain.
    pub chain: String,
    /// Its number, as `nft -a list ruleset` shows it.
    pub handle: u64,
    /// Its expressions, as attributes.
    pub expressions: Vec<u8>,
    /// The user data that `nft` stores with the rule, such as its comment.
    pub userdata: Option<Vec<u8>>,
}

impl Rule {
    /// Reads one message of a list of rules.
    ///
    /// # Errors
    /// [`Error`], naming the part that cannot be read.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let message = Message::split("list nftables rules", body, HEADER)?;
        let handle = message.sized(3, "handle")?.ok_or_else(|| message.malformed("handle"))?;
        Ok(Self {
            table: message.text(1).ok_or_else(|| message.malformed("table"))?,
            chain: message.text(2).ok_or_else(|| message.malformed("chain"))?,
            handle: u64::from_be_bytes(handle),
            expressions: message.get(4).unwrap_or_default().to_vec(),
            userdata: message.get(7).map(<[u8]>::to_vec),
        })
    }

    /// Its expressions.
    ///
    /// # Errors
    /// [`Error`], naming the part that cannot be read.
    pub fn parsed(&self) -> Result<Vec<Expression>, Error> {
        parse(&Message::split("read a rule of nftables", &self.expressions, 0)?)
    }
}

/// Reading nftables. Each function fails when the kernel refuses, or when its answer cannot be read.
impl Socket {
    /// The tables of all families, each as `nft list tables` names it: `ip lab`.
    pub async fn nft_tables(&self) -> Result<Vec<String>, Error> {
        let request = request("list nftables tables".to_owned(), GETTABLE, flags::DUMP, attributes(0, 0));
        let name = |body: &Vec<u8>| {
            let message = Message::split("list nftables tables", body, HEADER)?;
            let name = message.text(1).ok_or_else(|| message.malformed("table"))?;
            Ok(format!("{} {name}", family(message.header_u8(0))))
        };
        self.dump(&request).await?.iter().map(name).collect()
    }

    /// The rules of a table, in the order of its chains; none where there is no such table.
    pub async fn nft_rules(&self, table: &str) -> Result<Vec<Rule>, Error> {
        let request = request("list nftables rules".to_owned(), GETRULE, flags::DUMP, of_table(table));
        let rules = self.dump(&request).await?.iter().map(|body| Rule::parse(body)).collect::<Result<Vec<_>, _>>()?;
        Ok(rules.into_iter().filter(|rule| rule.table == table).collect())
    }

    /// The elements of a set. A set that does not exist is an error.
    pub async fn nft_elements(&self, table: &str, set: &str) -> Result<Vec<Element>, Error> {
        let attributes = of_table(table).text(2, set);
        let request = request(format!("list the elements of {set}"), GETSETELEM, flags::DUMP, attributes);
        let mut elements = Vec::new();
        for body in self.dump(&request).await? {
            let message = Message::split("list the elements of a set", &body, HEADER)?;
            let Some(list) = message.within(3)? else { continue };
            for &(_element, payload) in list.attributes() {
                let element = list.nested(payload, 0)?;
                let key = octets(&element, ELEMENT_KEY)?.ok_or_else(|| element.malformed("key"))?;
                elements.push(Element { key, value: octets(&element, ELEMENT_DATA)? });
            }
        }
        Ok(elements)
    }

    /// The number of the last change of any table.
    pub async fn nft_generation(&self) -> Result<u32, Error> {
        const DOING: &str = "read the generation of the nftables rules";
        let body = self.ask(&request(DOING.to_owned(), GETGEN, 0, attributes(IPV4, 0))).await?.unwrap_or_default();
        let message = Message::split(DOING, &body, HEADER)?;
        message.u32_be(1, "generation")?.ok_or_else(|| message.malformed("generation"))
    }
}

fn octets(element: &Message<'_>, kind: u16) -> Result<Option<Vec<u8>>, Error> {
    Ok(element.within(kind)?.and_then(|data| data.get(DATA_VALUE).map(<[u8]>::to_vec)))
}

/// `NFPROTO_*`, as `nft` calls them.
pub(super) fn family(number: u8) -> String {
    match number {
        1 => "inet".to_owned(),
        2 => "ip".to_owned(),
        3 => "arp".to_owned(),
        5 => "netdev".to_owned(),
        7 => "bridge".to_owned(),
        10 => "ip6".to_owned(),
        other => format!("family {other}"),
    }
}
