//! Helm's releases: JSON, compressed with gzip, in base64. Each of the three is changed by itself.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lab_kind::api::parse_release;
use serde_json::json;

use super::archives::gzipped;
use super::change::{apply, bytes};
use super::documents::{Text, text};
use super::driver::{Checked, fate, fuzz, reads_back};

/// As Helm keeps it, with what is passed over left out.
fn release() -> String {
    let release = json!({"name": "cilium", "namespace": "kube-system", "version": 1,
        "info": {"status": "deployed", "first_deployed": "2026-11-23T05:46:17.225479854Z", "notes": "You have installed Cilium."},
        "chart": {"metadata": {"name": "cilium", "version": "1.12.4", "appVersion": "1.12.4"}, "values": {"tunnel": "vxlan"}},
        "config": {"tunnel": "disabled", "bpf": {"masquerade": true}, "k8sServicePort": 6443}, "manifest": "---\n"});
    release.to_string()
}

fn read(data: &[u8]) -> Checked {
    let release = parse_release(data);
    if let Ok(release) = &release {
        reads_back(release)?;
    }
    Ok(fate(&release))
}

#[test]
fn a_changed_release_is_read_or_refused() {
    let in_base64 = |bytes: &[u8]| STANDARD.encode(bytes).into_bytes();
    fuzz("releases", &Text::all([release()]), &text(), |text, changes| {
        read(&in_base64(&gzipped(text.changed(changes).as_bytes())))
    });
    // Helm 2 did not compress them.
    let packed = [gzipped(release().as_bytes()), release().into_bytes()];
    fuzz("packed releases", &packed, &bytes(), |packed, changes| read(&in_base64(&apply(packed, changes))));
    let encoded = packed.map(|packed| in_base64(&packed));
    fuzz("encoded releases", &encoded, &bytes(), |encoded, changes| read(&apply(encoded, changes)));
}
