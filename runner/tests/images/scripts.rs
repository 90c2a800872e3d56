//! The `ctr` and `crictl` of a stand-in: scripts that take an archive apart as containerd does, and list what came.

use lab_stand_in::{ImagePlan, NodePlan, Plan};
use std::path::PathBuf;

/// Reads the archive from standard input and keeps the name and the digest of the configuration of the image in it.
/// Where it keeps them says /store; /slow, /deaf and /liar change what it does.
const CTR: &str = r#"#!/bin/sh
store=$(cat /store 2>/dev/null || echo /images)
[ "$*" = "-n k8s.io images import --no-unpack -" ] || [ "$*" = "-n k8s.io images import -" ] || { echo "ctr: $*" >&2; exit 1; }
[ -e /deaf ] && { echo "ctr: failed to dial \"/run/containerd/containerd.sock\": connection refused" >&2; exit 1; }
work="$store/work.$$"
mkdir -p "$work" || exit 1
trap 'rm -rf "$work"' EXIT
[ -e /slow ] && sleep 2
cat > "$work/archive.tar" || { echo "ctr: failed to copy: no space left on device" >&2; exit 1; }
tar -C "$work" -xf "$work/archive.tar" 2> "$work/said" || { echo "ctr: $(cat "$work/said")" >&2; exit 1; }
[ -e "$work/manifest.json" ] || { echo "ctr: unrecognized image format" >&2; exit 1; }
config=$(sed 's/.*"Config":"\([^"]*\)".*/\1/' "$work/manifest.json")
name=$(sed 's/.*"RepoTags":\["\([^"]*\)".*/\1/' "$work/manifest.json")
id=$(sha256sum < "$work/$config" | sed 's/ .*//')
[ -e /liar ] && id=$(echo liar | sha256sum | sed 's/ .*//')
mkdir -p /listed
echo "$*" >> /imports
printf '%s' "{\"id\":\"sha256:$id\",\"repoTags\":[\"$name\"],\"repoDigests\":[],\"size\":\"1\"}" > "/listed/$(echo "$name" | sha256sum | sed 's/ .*//')"
"#;

/// Lists what `ctr` kept, and runs `cilium endpoint list` of an agent whose programs are loaded.
const CRICTL: &str = r#"#!/bin/sh
if [ "$1 $3 $4 $5" = "exec cilium endpoint list" ]; then
    printf '%s\n' '[{"id":1,"status":{"state":"ready","identity":{"id":1},"policy":{"realized":{"policy-revision":1}}}}]'
    exit
fi
[ "$*" = "images -o json" ] || { echo "crictl: $*" >&2; exit 1; }
printf '{"images":['
comma=
for image in /listed/*; do
    [ -e "$image" ] || continue
    printf '%s%s' "$comma" "$(cat "$image")"
    comma=,
done
printf ']}\n'
"#;

/// Three nodes with these programs.
pub(crate) fn plan() -> Plan {
    let programs = ["mkdir", "tar", "sed", "sha256sum", "head"].map(PathBuf::from).to_vec();
    let script = |path: &str, text: &str| (path.to_owned(), text.as_bytes().to_vec());
    let files = vec![script("/bin/ctr", CTR), script("/bin/crictl", CRICTL)];
    Plan { image: ImagePlan { programs, files, ..ImagePlan::default() }, ..Plan::default() }
}

/// One node with them.
pub(crate) fn one() -> Plan {
    Plan { nodes: Some(vec![NodePlan::new("worker", "worker")]), ..plan() }
}
