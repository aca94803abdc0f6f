# Sourced by ./pmoe: the contributors' commands build, test, check, format, wheel and bundle.
source "$root/cmake/bootstrap/install.sh"
source "$root/cmake/bootstrap/build.sh"

slower_labels='slow|gpu'

command_build() {
  if (($# == 0)); then set -- all; fi
  prepare release "$@"
  say "built in $build_dir"
}

command_test() {
  install_packages render "for pictures"
  install_packages page "a browser for the tests"
  install_packages package "for the wheel"
  prepare release all
  install_python_packages "for the tests"
  local filter=(-LE "$slower_labels") flag
  for flag in "$@"; do
    case $flag in -L* | -R* | -E* | -I* | --label* | --tests* | --rerun*) filter=() ;; esac
  done
  # One more than cores: many tests wait for processes of theirs.
  ctest --test-dir "$build_dir" --output-on-failure --no-label-summary -j "$(($(nproc) + 1))" \
    "${filter[@]}" "$@" </dev/null
}

# Every stage runs, also after a failed one; a summary with seconds closes.
# --seeds and --seed are the simulation's.
command_check() {
  local stages=()
  while (($# > 0)); do
    case $1 in
      --seeds | --seed)
        [[ ${2:-} =~ ^[1-9][0-9]{0,17}$ ]] || die 2 "$1 needs a number from 1 on, got ${2:-nothing}"
        if [[ $1 == --seeds ]]; then
          export PMOE_SIMULATION_SEEDS=$2
        else
          export PMOE_SIMULATION_SEED=$2
        fi
        shift
        ;;
      --seconds)
        [[ ${2:-} =~ ^[1-9][0-9]{0,6}$ ]] || die 2 "$1 needs whole seconds, got ${2:-nothing}"
        export PMOE_FUZZ_SECONDS=$2
        shift
        ;;
      *) stages+=("$1") ;;
    esac
    shift
  done
  set -- "${stages[@]}"
  if (($# == 0)); then set -- format tidy thread-safety slow asan-torch; fi
  local stage begin status failed=() summary=()
  for stage in "$@"; do
    declare -F "stage_$stage" >/dev/null || die 2 "no check is called $stage; see ./pmoe --help"
  done
  for stage in "$@"; do
    say "== $stage"
    begin=$SECONDS
    set +e # not `if (…)`, which would let a stage go on after an error
    (set -e && "stage_$stage")
    status=$?
    set -e
    if ((status != 0)); then failed+=("$stage"); fi
    summary+=("$stage: exit status $status after $((SECONDS - begin)) s")
  done
  say "== summary"
  printf '%s\n' "${summary[@]}" >&2
  ((${#failed[@]} == 0)) || die 1 "failed checks: ${failed[*]}"
}

stage_format() {
  install_packages check "for the checks"
  source_files | xargs -0 clang-format --dry-run -Werror
}

stage_tidy() { "$python" "$root/tests/tidy/tidy_test.py"; }

stage_thread-safety() {
  install_packages check "for the checks"
  prepare release thread-safety
  grep "^thread safety:" "$build_dir/build.log" >&2
}

stage_slow() {
  prepare release all
  ctest --test-dir "$build_dir" --output-on-failure -L slow </dev/null
}

# 20,000 seeds of the data plane; with --seed alone that one, told step by step.
stage_simulation() {
  prepare release replay_simulation_test
  if [[ -z ${PMOE_SIMULATION_SEED:-} ]]; then
    export PMOE_SIMULATION_SEEDS=${PMOE_SIMULATION_SEEDS:-20000}
  fi
  "$build_dir/bin/replay_simulation_test"
}

# Each fuzzer for some seconds, from its corpus of the repository and what earlier calls found.
stage_fuzz() {
  install_packages check "for the checks"
  prepare release fuzz
  local fuzzer name
  for fuzzer in "$build_dir"/bin/*_fuzzer; do
    name=${fuzzer##*/}
    mkdir -p "$build_dir/fuzz/$name" "$root/tests/fuzz/corpus/$name"
    say "$name, ${PMOE_FUZZ_SECONDS:-10} s"
    "$fuzzer" -max_total_time="${PMOE_FUZZ_SECONDS:-10}" -rss_limit_mb=4096 -verbosity=0 \
      -artifact_prefix="$build_dir/fuzz/$name-" \
      "$build_dir/fuzz/$name" "$root/tests/fuzz/corpus/$name" </dev/null ||
      die 1 "$name failed; the input lies at $build_dir/fuzz/$name-*"
  done
}

stage_deploy() {
  install_packages deploy "for the checks of deploy/"
  prepare release pmoe-binaries
  "$root/deploy/check.sh"
}

stage_asan() { sanitized_tests asan unit-tests; }
stage_tsan() { sanitized_tests tsan unit-tests; }
stage_asan-torch() { sanitized_tests asan-torch all; }

sanitized_tests() {
  prepare "$1" "$2"
  cd "$root"
  ctest --preset "$1" -j "$(nproc)" </dev/null
}

command_wheel() { package wheel "$@"; }
command_bundle() { package bundle --deps "$deps" "$@"; }

package() {
  local kind=$1
  shift
  install_packages package "for the package"
  prepare release pmoe-binaries
  "$python" "$root/cmake/package/$kind.py" --build "$build_dir" "$@"
}

command_format() {
  install_packages check "for the checks"
  source_files | xargs -0 clang-format -i
}

source_files() {
  find "$root" \( -name build -o -name '.[!.]*' \) -prune -o \
    -type f \( -name '*.h' -o -name '*.cc' -o -name '*.cu' \) -print0
}
