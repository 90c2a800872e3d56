# shellcheck shell=sh
# Puts what containerd has on its volume into the container's own file system, as it is to be found on nodes. Layers and
# what they unpack to stay in one folder, to which the folders of containerd's have links: kind copies all of /var for each
# node, and so copies links. Nodes read them there, as lower layers, all from the same files.
# Exit code 3: an image has whiteouts, which cannot be kept in a layer of another image.
set -e
content=io.containerd.content.v1.content/blobs/sha256
snapshots=io.containerd.snapshotter.v1.overlayfs/snapshots
metadata="io.containerd.metadata.v1.bolt/meta.db io.containerd.snapshotter.v1.overlayfs/metadata.db"
store=/kind/lab-store
root=/var/lib/containerd

# Also the images that the node image came with.
for image in $(ctr -n k8s.io images ls | sed -n 's/.* \(sha256:[0-9a-f]*\) .*/\1/p' | sort -u); do
    ctr -n k8s.io snapshots unpack "$image" > /dev/null
done

pid=$(cat /bake/lab.pid)
kill "$pid"
while kill -0 "$pid" 2> /dev/null; do sleep 0.05; done

for blob in /bake/"$content"/*; do
    # Manifests and configurations are JSON, layers are archives.
    [ "$(head -c 1 "$blob")" != '{' ] || continue
    files=$(tar -tf "$blob")
    case "/$files" in
        *[/"
"].wh.*)
            echo "the layer ${blob##*/} removes files of the layers below it" >&2
            exit 3
            ;;
    esac
done

for folder in "$content" "$snapshots"; do
    mkdir -p "$store/$folder" "$root/$folder"
    for entry in /bake/"$folder"/*; do
        name=${entry##*/}
        cp -a "$entry" "$store/$folder/"
        rm -rf "${root:?}/$folder/$name"
        ln -s "$store/$folder/$name" "$root/$folder/$name"
    done
done
for file in $metadata; do
    mkdir -p "$root/${file%/*}"
    cp -a "/bake/$file" "$root/$file"
done
