#!/usr/bin/env bash
# What to run first on a machine with a GPU, in under 10 minutes: the oracle tests with autograd's
# updates on the device, `pmoe bench learner --device`, and a training of HalfCheetah-v5 with 8
# actors. Prints one JSON object: the machine, versions, and of each step its command, exit code,
# seconds and figures. Exit code 1 if a step failed, 2 if this machine cannot run them.
#   deploy/test_gpu.sh [--device cuda|cpu] [--steps N] [--out FILE]
#     --device cuda|cpu  default cuda; cpu tries the script itself
#     --steps N          env steps of the training (default 20000)
#     --out FILE         the JSON; default: standard output
#   PMOE_BIN_DIR         folder of the built programs and tests (default build/release/bin)
# Needs the programs and tests, built on this machine so that ./pmoe took the wheel with CUDA:
#   ./pmoe build
set -euo pipefail
cd "$(dirname "$0")/.."

die() {
  echo "test_gpu: $*" >&2
  exit 2
}

device=cuda steps=20000 out=
while (($# > 0)); do
  case $1 in
    -h | --help)
      sed -n '2,/^set -e/s/^# \{0,1\}//p' "$0"
      exit 0
      ;;
    --device | --steps | --out) (($# > 1)) || die "$1 needs a value; see --help" ;;&
    --device) device=$2 ;;
    --steps) steps=$2 ;;
    --out) out=$(realpath -m "$2") ;;
    *) die "unknown argument '$1'; see --help" ;;
  esac
  shift 2
done
[[ $device == cuda || $device == cpu ]] || die "--device must be cuda or cpu, got '$device'"
[[ $steps =~ ^[1-9][0-9]*$ ]] || die "--steps must be a whole number above 0, got '$steps'"
# Standard output is never opened by a name: a file would be written from its beginning, or removed.
if [[ -n $out ]]; then
  mkdir -p "$(dirname "$out")" && : >>"$out" || die "cannot write --out $out"
fi

bin=$(realpath -m "${PMOE_BIN_DIR:-build/release/bin}")
# Those that tests/learner/CMakeLists.txt declares with DEVICE.
mapfile -t tests < <(ctest --test-dir "${bin%/*}" -N -L gpu 2>/dev/null |
  sed -n 's/.*: \(.*\)_gpu$/\1/p')
((${#tests[@]} > 0)) || die "needs the tests of ${bin%/*}: ./pmoe build, or set PMOE_BIN_DIR"
for program in pmoe pmoe-train pmoe-bench "${tests[@]}"; do
  [[ -x $bin/$program ]] || die "needs $bin/$program: ./pmoe build, or set PMOE_BIN_DIR"
done
# The test knows what is missing: a GPU, or the half of LibTorch that drives it.
export PMOE_TEST_DEVICE=$device PMOE_SOURCE_DIR=$PWD PMOE_BIN_DIR=$bin
"$bin/${tests[0]}" --gtest_list_tests >/dev/null ||
  die "no GPU to test; --device cpu tries the script"

work=$(mktemp -d /tmp/pmoe-gpu-XXXXXX)
child=''
stop() {
  trap - INT TERM EXIT
  if [[ -n $child ]]; then
    kill -TERM "$child" 2>/dev/null || true
    wait "$child" || true
  fi
  rm -rf "$work"
  if [[ -n $out && -f $out && ! -s $out ]]; then rm -f "$out"; fi
}
trap 'stop; echo "test_gpu: interrupted" >&2; exit 130' INT TERM
trap stop EXIT

# step NAME LIMIT_S COMMAND…: runs it, its output in $work/NAME.log; timeout passes signals on to
# all that it starts.
failed=0
step() {
  local name=$1 limit_s=$2 begin code=0
  shift 2
  echo "test_gpu: $name (at most $limit_s s): $*" >&2
  begin=$(date +%s.%N)
  timeout --kill-after=20 "$limit_s" "$@" >"$work/$name.log" 2>"$work/$name.err" </dev/null &
  child=$!
  wait "$child" || code=$?
  child=''
  python3 -c 'import json, sys, time
name, code, begin, command = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4:]
print(json.dumps({"name": name, "command": " ".join(command), "exit_code": code,
                  "seconds": round(time.time() - begin, 1)}))' \
    "$name" "$code" "$begin" "$@" >>"$work/steps"
  if ((code == 0)); then return; fi
  failed=1
  echo "test_gpu: $name ended with $code (124: too slow); its last lines:" >&2
  tail -n 20 "$work/$name.log" "$work/$name.err" >&2
}

for test in "${tests[@]}"; do
  step "$test" 60 "$bin/$test" --gtest_brief=1 "--gtest_output=json:$work/$test.json"
done
# bench NAME ROWS: the rows whose names contain ROWS.
bench() {
  step "bench_$1" 100 "$bin/pmoe" bench learner --device "$device" --no-peers --rounds 1 \
    --seconds 0.3 --json --only "$2"
}
bench sac _b      # of every batch size
bench ppo ppo_k1  # its family at K = 1 and 10
step training 200 "$bin/pmoe" train --env HalfCheetah-v5 --algo sac --actors 8 --seed 1 \
  --steps "$steps" --device "$device" --out "$work/run" --dashboard none \
  --set observe.video=false --set observe.eval_every_steps=10000 --set schedule.steps_per_round=48

python3 - "$work" "$device" "$failed" >"$work/report.json" <<'PYTHON'
import csv
import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import subprocess
import sys

work, device, failed = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3] != "0"


def output(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def cpu_model():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()


def torch_version():
    deps = pathlib.Path(os.environ.get("PMOE_DEPS", ".deps"))
    found = importlib.metadata.distributions(
        path=[str(p) for p in deps.glob("venv/lib/python*/site-packages")])
    return next((d.version for d in found if d.metadata["Name"] == "torch"), None)


def figures(name):
    if (work / f"{name}.json").exists():  # a test's
        tests = json.loads((work / f"{name}.json").read_text())
        return {key: tests[key] for key in ("tests", "failures", "errors")}
    if name.startswith("bench"):
        return json.loads((work / f"{name}.log").read_text())
    with open(work / "run" / "metrics.csv") as file:
        last = {}
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            last.update({key: float(value) for key, value in row.items() if value})
    return last


def with_figures(step):
    try:
        return {**step, "figures": figures(step["name"])}
    except (OSError, ValueError, KeyError):  # it failed before it had some
        return {**step, "figures": None}


gpus = output("nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader")
print(json.dumps({
    "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    "device": device,
    "passed": not failed,
    "machine": {"cpu": cpu_model(), "cores": os.cpu_count(), "kernel": platform.release(),
                "load_average": os.getloadavg()[0], "gpus": gpus.splitlines() if gpus else []},
    "versions": {"pmoe": output(os.environ["PMOE_BIN_DIR"] + "/pmoe", "--version"),
                 "commit": output("git", "rev-parse", "HEAD"), "torch": torch_version()},
    "steps": [with_figures(json.loads(line)) for line in open(work / "steps")],
}, indent=2))
PYTHON
if [[ -n $out ]]; then cat "$work/report.json" >"$out"; else cat "$work/report.json"; fi
exit "$failed"
