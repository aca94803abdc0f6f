#!/bin/sh
# The commands of an unpacked bundle: bin/pmoe and its neighbours are links to this file. Looks at
# the machine, then becomes the program of the same name in site-packages/pmoe/bin.
set -eu

script=$(readlink -f "$0")
package=${script%/*}/site-packages/pmoe
name=${0##*/}

die() {
  printf '%s: %s\n' "$name" "$*" >&2
  exit 2
}

flags=" $(sed -n '/^flags/{p;q;}' /proc/cpuinfo 2>/dev/null || true) "
for flag in avx2 bmi1 bmi2 fma f16c movbe abm; do
  case $flags in *" $flag "* | "  ") ;; *)
    die "needs a CPU with x86-64-v3 (Intel since 2013, AMD since 2015); this one lacks $flag" ;;
  esac
done

glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null || echo none)
minor=${glibc#glibc 2.}
case $minor in
  *[!0-9]* | "") die "needs glibc 2.35 or newer, this system has $glibc: use Ubuntu 22.04, Debian \
12 or newer, or deploy/Dockerfile" ;;
esac
[ "$minor" -ge 35 ] || die "needs glibc 2.35 or newer, this system has $glibc"

while read -r kind size file; do
  [ "$kind" = file ] || continue
  [ -s "$package/$file" ] || [ "$size" = 0 ] ||
    die "the bundle is not whole: there is no $package/$file; unpack it again"
done <"$package/package.txt" || die "the bundle is not whole: unpack it again"

exec "$package/bin/$name" "$@"
