#!/usr/bin/env bash
# Shows that a wheel works on a machine with Python and nothing else of ours: takes it into a
# container of debian:bookworm-slim, which has no compiler, installs it and trains, also as a
# cluster, shows the runs, draws, and takes everything away again. Needs a Docker engine.
#   deploy/bare_wheel_test.sh [--image NAME] [--bundle FILE] [DIR]
#     --image NAME   another image that has apt-get
#     --bundle FILE  a bundle with LibTorch: the same without Python, but for drawing
#     DIR            where ./pmoe wheel has put it (default: build/dist)
set -euo pipefail
cd "$(dirname "$0")/.."

bundle='' image=debian:bookworm-slim
while (($# > 1)); do
  case $1 in
    --bundle) bundle=$2 ;;
    --image) image=$2 ;;
    *) break ;;
  esac
  shift 2
done
dist=$(readlink -f "${1:-build/dist}")

common=$(
  cat <<'SCRIPT'
set -euo pipefail
step() {
  local name=$1 begin=$SECONDS
  shift
  echo "== $name: $*"
  "$@"
  echo "== $name took $((SECONDS - begin)) s; disk used now: $(du -shx / 2>/dev/null | cut -f 1)"
}
has_no_compiler() { ! command -v gcc cc g++ ld cmake; }
refuses() { # EXIT_CODE COMMAND…
  local wanted=$1 status=0
  shift
  "$@" || status=$?
  ((status == wanted))
}
use_it() {
  step "doctor" pmoe doctor --for train,up,dashboard
  step "first training" pmoe train --env InvertedPendulum-v5 --steps 20000 --out runs/first
  step "small cluster" pmoe up --env InvertedPendulum-v5 --actors 2 --steps 5000 --out runs/cluster
  step "evaluation" pmoe eval --run runs/first --episodes 3
}
shows_runs() {
  pmoe dashboard runs --dashboard 127.0.0.1:6123 &
  local server=$! page=
  for _ in $(seq 50); do
    page=$(bash -c 'exec 3<>/dev/tcp/127.0.0.1/6123
      printf "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n" >&3
      cat <&3' 2>/dev/null) && break
    sleep 0.2
  done
  kill -TERM "$server" && wait "$server"
  grep -q '<title>' <<<"$page"
}
install_ffmpeg() {
  apt-get update -q >/dev/null
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends ffmpeg libegl1 \
    libegl-mesa0 libgl1 libgl1-mesa-dri >/dev/null
}
SCRIPT
)

with_wheel=$(
  cat <<'SCRIPT'
install_python() {
  apt-get update -q >/dev/null
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends python3-venv \
    >/dev/null
  python3 -m venv /venv
}
leaves_nothing() {
  /venv/bin/pip uninstall -q -y pmoe
  [[ -z $(find /venv -iname '*pmoe*' -print | tee /dev/stderr) ]]
}
install_wheel() {
  /venv/bin/pip install -q --progress-bar off --no-cache-dir --no-deps -r /dist/pmoe-*-cpu.txt \
    /dist/pmoe-*.whl
}
step "Python" install_python
step "as it is now" has_no_compiler
step "pip install" install_wheel
PATH=/venv/bin:$PATH
mkdir /work && cd /work
use_it
step "dashboard" shows_runs
step "no ffmpeg" refuses 2 pmoe play --run runs/first --video x.mp4
step "no ffmpeg: doctor" refuses 2 pmoe doctor --for play
step "ffmpeg" install_ffmpeg
step "video" pmoe play --run runs/first --video x.mp4 --frames 50
step "uninstalled" leaves_nothing
echo "bare wheel: passed"
SCRIPT
)

with_bundle=$(
  cat <<'SCRIPT'
has_no_python() { ! command -v python3; }
step "as it comes" has_no_compiler
step "without Python" has_no_python
step "unpacked" tar -C /opt -xzf "/dist/$1"
PATH=$(echo /opt/pmoe-*/bin):$PATH
mkdir /work && cd /work
use_it
step "dashboard" shows_runs
step "no Python" refuses 2 pmoe play --run runs/first --video x.mp4
echo "bare bundle: passed"
SCRIPT
)

if [[ -n $bundle ]]; then
  exec docker run --rm -i --network host -v "$(dirname "$(readlink -f "$bundle")")":/dist:ro \
    "$image" bash -c "$common"$'\n'"$with_bundle" inside "$(basename "$bundle")"
fi
exec docker run --rm -i --network host -v "$dist":/dist:ro "$image" \
  bash -c "$common"$'\n'"$with_wheel" inside
