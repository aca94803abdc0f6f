# Sourced by ./pmoe: configures a preset with CMake and builds it with Ninja, quietly.

# Compiler processes at once: one per core, each with 1 GiB (a Torch translation unit's need).
job_count() {
  local cores memory_kib limit jobs
  if [[ -n ${PMOE_JOBS:-} ]]; then echo "$PMOE_JOBS" && return; fi
  cores=$(nproc)
  memory_kib=$(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo)
  limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null || echo max) # a container's
  if [[ $limit != max ]] && ((limit / 1024 < memory_kib)); then memory_kib=$((limit / 1024)); fi
  jobs=$((memory_kib / 1048576))
  echo $((jobs < 1 ? 1 : jobs < cores ? jobs : cores))
}

# Ninja reconfigures by itself when a CMake file changes; not when a preset, the wheels' place or
# the checkout's own place do.
is_configured() {
  local cache=$1/CMakeCache.txt
  [[ -f $1/build.ninja && $cache -nt $root/CMakePresets.json ]] &&
    grep -qxF "PMOE_DEPS_DIR:PATH=$deps" "$cache" &&
    grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$cache"
}

# configure PRESET STEP
configure() {
  local dir=$root/build/$1
  is_configured "$dir" && return
  say "[$2] configuring build/$1"
  run_logged "$2" "$dir/configure.log" "cmake" \
    cmake --fresh --preset "$1" -S "$root" "-DPMOE_DEPS_DIR=$deps"
}

# compile PRESET STEP TARGET…
compile() {
  local dir=$root/build/$1 step=$2 log=$root/build/$1/build.log begin=$SECONDS
  shift 2
  mkdir -p "$dir"
  if ! NINJA_STATUS='[%f/%t] ' ninja -C "$dir" -j "$(job_count)" "$@" 2>&1 </dev/null |
    tee "$log" | show_progress "$step"; then
    first_failure "$log" >&2
    die 1 "the build failed; the whole log: $log"
  fi
  if ((SECONDS - begin >= 2)); then say "[$step] built in $((SECONDS - begin)) s"; fi
}

# From Ninja's first FAILED block on; without one (a broken build.ninja), the end.
first_failure() {
  if grep -q '^FAILED:' "$1"; then
    sed -n '/^FAILED:/,$p' "$1" | cut -c 1-400 | head -n 30
  else
    tail -n "$tail_lines" "$1"
  fi
}

# Ninja's "[done/total]" lines become one line that moves on a terminal, one every 20 s elsewhere.
show_progress() {
  local line pace=20 next=20 begin=$SECONDS finished total=0
  if [[ -t 2 ]]; then pace=1 next=1; fi
  while IFS= read -r line; do
    [[ $line =~ ^\[([0-9]+)/([0-9]+)\]\  ]] || continue
    finished=${BASH_REMATCH[1]} total=${BASH_REMATCH[2]}
    if ((total > 1 && SECONDS - begin >= next)); then
      show_line "[$1] building: $finished of $total$(time_left $((SECONDS - begin)))"
      next=$((SECONDS - begin + pace))
    fi
  done
  if [[ -t 2 ]]; then printf '\r\e[K' >&2; fi
}

show_line() { if [[ -t 2 ]]; then printf '\r\e[K%s' "$1" >&2; else say "$1"; fi; }

# A guess, once there is something to guess from. Reads finished and total of show_progress.
time_left() {
  if ((finished * 10 < total)); then return; fi
  local seconds=$(($1 * (total - finished) / finished))
  printf ', about %d min %02d s left' $((seconds / 60)) $((seconds % 60))
}

# build_preset PRESET TARGET…: one at a time per build folder.
build_preset() {
  local preset=$1 lock=$root/build/$1/lock
  shift
  mkdir -p "${lock%/*}"
  {
    take_lock "$lock" "building in ${lock%/*}"
    if [[ $preset == release ]]; then
      build_release "$@"
    else
      configure "$preset" 3/4
      compile "$preset" 4/4 "$@"
    fi
  } 9>>"$lock"
}

# The stamp is written before the build and put in place after it: edits made meanwhile are newer.
build_release() {
  if [[ "$*" == pmoe-binaries ]] && is_ready; then return; fi # another one has just built it
  wanted_build >"$ready_stamp.new"
  find_sources -newermt now >"$future_list.new"
  configure release 3/4
  compile release 4/4 "$@"
  if [[ "$*" == pmoe-binaries || "$*" == all ]]; then
    mv "$future_list.new" "$future_list"
    mv "$ready_stamp.new" "$ready_stamp"
  fi
}

# prepare PRESET TARGET…: everything from the bare machine to these targets.
prepare() {
  trap 'die 130 "interrupted; the next call goes on from here"' INT
  check_machine
  install_packages build 1/4
  install_wheels 2/4
  build_preset "$@"
  trap - INT
}
