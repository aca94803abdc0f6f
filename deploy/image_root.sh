#!/usr/bin/env bash
# Gathers what programs need to run in an image that has none of the build's folders:
#   deploy/image_root.sh OUT PROGRAM…
#     OUT/root      the programs, stripped, in usr/local/bin; libraries that belong to no Debian
#                   package, at their own paths
#     OUT/packages  the Debian packages that hold the other libraries
set -euo pipefail

out=$1
shift
bin=$out/root/usr/local/bin
mkdir -p "$bin"

# The files that the loader would map for these programs; "not" for one that it does not find.
libraries() { ldd "$@" | sed -n 's/.*=> \([^ ]*\) .*/\1/p' | sort -u; }

# Debian's libraries are known to dpkg under /lib or /usr/lib, which are one folder.
package_of() { dpkg-query -S "*${1#/usr}" 2>/dev/null | sed -n '1s/:.*//p'; }

while read -r library; do
  if [[ $library == /opt/* ]]; then
    library=$(readlink -m "${library%/*}")/${library##*/} # without the "..", with the link's name
    install -D -m 644 "$library" "$out/root$library"
    # MuJoCo looks for its decoders of meshes and its plugins beside itself.
    if [[ $library == */libmujoco.so* ]]; then
      cp -r --parents "${library%/*}/plugin" "$out/root"
    fi
  else
    package_of "$library" || { echo "image_root.sh: no package holds $library" >&2 && exit 1; }
  fi
done < <(libraries "$@") | sort -u >"$out/packages"
install -s -t "$bin" "$@"
