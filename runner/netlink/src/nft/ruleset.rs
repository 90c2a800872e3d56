//! Reads all tables of all families at once: chains, rules and what sets contain.

use std::collections::BTreeMap;

use super::attributes;
use super::expression::{DATA_VERDICT, Expression};
use super::object::{DATA_VALUE, ELEMENT_DATA, ELEMENT_KEY, request};
use super::seen::{GETRULE, GETSETELEM, HEADER, Rule, family};
use crate::error::Error;
use crate::read::Message;
use crate::request::flags;
use crate::socket::Socket;

// NFT_MSG_*.
const GETCHAIN: u16 = 4;
const GETSET: u16 = 10;

/// A set or a chain by the family and name of its table, as `nft` names it (`inet filter`), and its own name.
pub type SetKey = (String, String);

/// What the kernel filters with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ruleset {
    /// All chains.
    pub chains: Vec<Chain>,
    /// What plain sets and maps contain. Sets of ranges and of several fields are not read.
    pub sets: BTreeMap<SetKey, Vec<SetElement>>,
}

/// A chain with its rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// Family and name of its table: `inet filter`.
    pub table: String,
    /// Its name.
    pub name: String,
    /// Where packets enter it; none for a chain that is only jumped to.
    pub base: Option<ChainBase>,
    /// Its rules, in their order.
    pub rules: Vec<Vec<Expression>>,
}

/// Where packets enter a chain, and what becomes of those that no rule decides about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainBase {
    /// The number of the hook: of `NF_INET_*` or, in the family bridge, of `NF_BR_*`, which are the same.
    pub hook: u32,
    /// `filter`, `nat` or `route`.
    pub kind: String,
    /// Whether the policy is to drop.
    pub drops: bool,
}

/// An element of a set or a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetElement {
    /// The key.
    pub key: Vec<u8>,
    /// What a map of verdicts has for the key.
    pub verdict: Option<Expression>,
}

impl Socket {
    /// The tables of all families.
    ///
    /// # Errors
    /// When the kernel refuses, as it does to users without rights, or when its answer cannot be read.
    pub async fn nft_ruleset(&self) -> Result<Ruleset, Error> {
        let all = |doing: &str, message| request(doing.to_owned(), message, flags::DUMP, attributes(0, 0));
        let mut ruleset = Ruleset::default();
        for body in self.dump(&all("list nftables chains", GETCHAIN)).await? {
            ruleset.chains.push(chain(&body)?);
        }
        for body in self.dump(&all("list nftables rules", GETRULE)).await? {
            let rule = Rule::parse(&body)?;
            let table = format!("{} {}", family(body[0]), rule.table);
            let mut of_rule = ruleset.chains.iter_mut();
            if let Some(chain) = of_rule.find(|chain| chain.table == table && chain.name == rule.chain) {
                chain.rules.push(rule.parsed()?);
            }
        }
        for body in self.dump(&all("list nftables sets", GETSET)).await? {
            if let Some((number, table, set)) = plain_set(&body)? {
                let elements = self.elements(number, &table, &set).await?;
                ruleset.sets.insert((format!("{} {table}", family(number)), set), elements);
            }
        }
        Ok(ruleset)
    }

    async fn elements(&self, family: u8, table: &str, set: &str) -> Result<Vec<SetElement>, Error> {
        let of_set = attributes(family, 0).text(1, table).text(2, set);
        let list = request(format!("list the elements of {set}"), GETSETELEM, flags::DUMP, of_set);
        let mut elements = Vec::new();
        for body in self.dump(&list).await? {
            let message = Message::split("list the elements of a set", &body, HEADER)?;
            let Some(list) = message.within(3)? else { continue };
            for &(_element, payload) in list.attributes() {
                let element = list.nested(payload, 0)?;
                let key = element.within(ELEMENT_KEY)?.and_then(|key| key.get(DATA_VALUE).map(<[u8]>::to_vec));
                let verdict = element.within(ELEMENT_DATA)?.map(|data| data.within(DATA_VERDICT)).transpose()?;
                elements.push(SetElement {
                    key: key.ok_or_else(|| element.malformed("key"))?,
                    verdict: verdict.flatten().map(|verdict| Expression::verdict(&verdict)).transpose()?,
                });
            }
        }
        Ok(elements)
    }
}

fn chain(body: &[u8]) -> Result<Chain, Error> {
    let message = Message::split("list nftables chains", body, HEADER)?;
    let name = |kind| message.text(kind).ok_or_else(|| message.malformed("name"));
    let base = match message.within(4)? {
        None => None,
        Some(hook) => Some(ChainBase {
            hook: hook.u32_be(1, "hook")?.ok_or_else(|| message.malformed("hook"))?,
            kind: message.text(7).unwrap_or_default(),
            // NFTA_CHAIN_POLICY: NF_DROP is 0, NF_ACCEPT is 1.
            drops: message.u32_be(5, "policy")? == Some(0),
        }),
    };
    let table = format!("{} {}", family(message.header_u8(0)), name(1)?);
    Ok(Chain { table, name: name(3)?, base, rules: Vec::new() })
}

/// Family, table and name of a set whose elements are single values; none for one of ranges or of several fields.
fn plain_set(body: &[u8]) -> Result<Option<(u8, String, String)>, Error> {
    /// `NFT_SET_INTERVAL`, `NFT_SET_CONCAT`.
    const RANGES: u32 = 4 | 0x80;
    let message = Message::split("list nftables sets", body, HEADER)?;
    let name = |kind| message.text(kind).ok_or_else(|| message.malformed("name"));
    let plain = message.u32_be(3, "flags")?.unwrap_or(0) & RANGES == 0;
    Ok(if plain { Some((message.header_u8(0), name(1)?, name(2)?)) } else { None })
}
