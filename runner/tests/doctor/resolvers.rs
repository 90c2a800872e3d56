//! The name servers that Docker takes, on hosts made of files.

use lab_doctor::Outcome;

use super::engine::FakeEngine;
use super::inside::inside;
use super::machine::{Machine, says};

#[test]
fn a_resolver_behind_a_stub_is_seen() {
    // As on Ubuntu: the file that everybody reads names systemd-resolved's stub alone.
    let script = "
        ip link set lo up; mount --make-rprivate /
        mount -t tmpfs tmpfs /run; mkdir -p /run/systemd/resolve
        echo 'nameserver 10.0.0.2' >/run/systemd/resolve/resolv.conf
        echo 'nameserver 127.0.0.53' >/run/stub; mount --bind /run/stub /etc/resolv.conf
    ";
    inside("resolvers::a_resolver_behind_a_stub_is_seen", &["--net", "--mount"], script, || {
        let found = "10.0.0.2 in /run/systemd/resolve/resolv.conf is in 10.0.0.0/8";
        says(&FakeEngine::new().rows(&Machine::new()), "net.resolver", Outcome::Warning, found);
    });
}
