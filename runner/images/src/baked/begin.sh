# shellcheck shell=sh
# Runs in a container of the node image, as its first process: containerd as on a node, with its folder on a volume, since
# overlayfs cannot be stacked on a container's own file system.
set -e
cp -a /var/lib/containerd/. /bake/
containerd --root /bake &
echo $! > /bake/lab.pid
wait
exec sleep infinity
