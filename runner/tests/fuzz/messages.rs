//! What the kernel says over netlink: links, addresses, routes, rules, neighbours, and the rules of nftables.

use lab_model::observe::{Address, Link, Neighbour, Route, Rule};
use lab_netlink::nft::{Element as Found, Rule as NftRule};
use lab_probe::nft_layout::{Service, parse_rule as parse_nft_rule};
use lab_probe::{Names, Object, parse_address, parse_link, parse_neighbour, parse_next_hop, parse_route, parse_rule};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

use super::change::{apply, bytes};
use super::driver::{Fate, fuzz, reads_back};
use super::seeds::messages;

fn fuzz_messages<T>(what: &str, file: &str, read: impl Fn(&[u8]) -> Option<T>)
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    fuzz(what, &messages(file), &bytes(), |message, changes| {
        let Some(read) = read(&apply(message, changes)) else { return Ok(Fate::Refused) };
        reads_back(&read)?;
        Ok(Fate::Accepted)
    });
}

#[test]
fn changed_messages_of_rtnetlink_are_read_or_refused() {
    let links = messages("links.hex").into_iter().map(|message| parse_link(&message).expect("a link"));
    let names: Names = links.map(|link| (link.index, link.name)).collect();
    fuzz_messages::<Link>("links", "links.hex", |message| parse_link(message).ok());
    fuzz_messages::<Address>("addresses", "addresses.hex", |message| parse_address(message, &names).ok().flatten());
    fuzz_messages::<Route>("routes", "routes.hex", |message| parse_route(message, &names).ok());
    fuzz_messages("next hops", "next-hops.hex", |message| {
        Some(match parse_next_hop(message, &names).ok()? {
            (id, Object::Hop(hop)) => (id, Some(hop), Vec::new()),
            (id, Object::Group(members)) => (id, None, members),
        })
    });
    fuzz_messages::<Rule>("rules", "rules.hex", |message| parse_rule(message).ok());
    fuzz_messages::<Neighbour>("neighbours", "neighbours.hex", |message| {
        parse_neighbour(message, &names).ok().flatten()
    });
}

/// One change of the elements of a map.
#[derive(Debug, Clone)]
enum Element {
    Gone(Index),
    Key(Index, Vec<u8>),
    Value(Index, Vec<u8>),
    NoValue(Index),
    More(u32, [u8; 4]),
}

fn elements() -> impl Strategy<Value = Vec<Element>> {
    let octets = || vec(any::<u8>(), 0..6);
    let one = prop_oneof![
        any::<Index>().prop_map(Element::Gone),
        (any::<Index>(), octets()).prop_map(|(at, key)| Element::Key(at, key)),
        (any::<Index>(), octets()).prop_map(|(at, value)| Element::Value(at, value)),
        any::<Index>().prop_map(Element::NoValue),
        (0..9_u32, any::<[u8; 4]>()).prop_map(|(key, value)| Element::More(key, value)),
    ];
    vec(one, 1..4)
}

/// Keys and values.
fn changed(changes: &[Element]) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    let element = |number: u32, backend: [u8; 4]| (number.to_ne_bytes().to_vec(), Some(backend.to_vec()));
    let mut elements = vec![element(0, [10, 0, 1, 12]), element(1, [10, 0, 2, 7])];
    for change in changes {
        let length = elements.len();
        match change {
            Element::More(number, backend) => elements.push(element(*number, *backend)),
            Element::Gone(at) if length > 0 => drop(elements.remove(at.index(length))),
            Element::Key(at, key) if length > 0 => elements[at.index(length)].0.clone_from(key),
            Element::Value(at, value) if length > 0 => elements[at.index(length)].1 = Some(value.clone()),
            Element::NoValue(at) if length > 0 => elements[at.index(length)].1 = None,
            _ => {}
        }
    }
    elements
}

#[test]
fn changed_rules_of_nftables_are_services_or_refused() {
    let whole: Vec<Service> = messages("nft-rules.hex").iter().filter_map(|message| service(message, &[])).collect();
    assert_eq!(whole.len(), 2, "{whole:?}");
    assert_eq!((whole[0].backends.len(), whole[1].target_port), (2, None), "{whole:?}");
    let changes = (bytes(), elements(), any::<u8>());
    fuzz("rules of nftables", &messages("nft-rules.hex"), &changes, |message, (octets, changes, which)| {
        let octets = if which % 3 == 1 { &[] } else { &octets[..] };
        let changes = if which % 3 == 2 { &[] } else { &changes[..] };
        let Some(service) = service(&apply(message, octets), changes) else { return Ok(Fate::Refused) };
        // Whoever connects is refused, or sent to one of those.
        prop_assert_eq!(service.map.is_some(), service.target_port.is_some());
        prop_assert!(service.map.is_some() || service.backends.is_empty() && service.never_picked.is_empty());
        let told = changed(changes).into_iter().filter_map(|(_, value)| value).collect::<Vec<_>>();
        let all = service.backends.iter().chain(&service.never_picked);
        prop_assert!(all.clone().all(|backend| told.iter().any(|value| *value == backend.octets())));
        Ok(Fate::Accepted)
    });
}

fn service(message: &[u8], changes: &[Element]) -> Option<Service> {
    let rule = parse_nft_rule(&NftRule::parse(message).ok()?).ok()?;
    let elements: Vec<Found> = changed(changes).into_iter().map(|(key, value)| Found { key, value }).collect();
    rule.service(&elements).ok()
}
