# Sourced by ./pmoe: what the machine must have before a build. Each step looks at what is there,
# does only what is missing, and writes its stamp last, so that an interrupted one is done again.

python=/usr/bin/python3 # Debian's: the one that python3-venv belongs to
tail_lines=25

# run_logged STEP LOG WHAT COMMAND…: the command's output goes to the log; a failure shows its end.
run_logged() {
  local step=$1 log=$2 what=$3 begin=$SECONDS
  shift 3
  mkdir -p "${log%/*}"
  if "$@" >"$log" 2>&1 </dev/null; then
    if ((SECONDS - begin >= 5)); then say "[$step] $what took $((SECONDS - begin)) s"; fi
    return
  fi
  tail -n "$tail_lines" "$log" >&2
  die 1 "$what failed; the whole log: $log"
}

# Waits for file descriptor 9, which the caller has open on the lock file $1, to be ours alone.
take_lock() {
  if ! flock -n 9; then
    say "waiting for another ./pmoe at work: $(read_stamp "$1") (lock: $1)"
    until flock -w 60 9; do say "still waiting: $(read_stamp "$1")"; done
  fi
  printf 'process %s, %s' "$$" "$2" >"$1"
}

check_machine() {
  local os flags flag
  os=$(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release 2>/dev/null || true)
  grep -qsx 'ID=debian' /etc/os-release && grep -qsx 'VERSION_ID="12"' /etc/os-release ||
    die 2 "builds on Debian 12, this is ${os:-an unknown system}; elsewhere use deploy/Dockerfile"
  flags=" $(grep -m1 '^flags' /proc/cpuinfo || true) "
  for flag in avx2 bmi1 bmi2 fma f16c movbe abm; do
    [[ $flags == *" $flag "* ]] ||
      die 2 "needs a CPU with x86-64-v3 (Intel since 2013, AMD since 2015); this one lacks $flag"
  done
}

# packages_of KIND: the names that cmake/apt_packages.txt lists for it.
packages_of() { sed -n "s/^$1 //p" "$root/cmake/apt_packages.txt"; }

missing_packages() {
  local wanted installed package format='${db:Status-Status} ${Package}\n'
  mapfile -t wanted < <(packages_of "$1")
  installed=$(dpkg-query -W -f "$format" "${wanted[@]}" 2>/dev/null || true)
  for package in "${wanted[@]}"; do
    grep -qx "installed $package" <<<"$installed" || echo "$package"
  done
}

# install_packages KIND STEP: apt-get where we may, else the line to type.
install_packages() {
  local missing
  mapfile -t missing < <(missing_packages "$1")
  if ((${#missing[@]} == 0)); then return; fi
  if [[ $EUID != 0 ]] || ! command -v apt-get >/dev/null; then
    say "pmoe: Debian packages are missing; please run:"
    say "  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}"
    exit 2
  fi
  say "[$2] installing ${#missing[@]} Debian packages (about 1 minute): ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  run_logged "$2" "$deps/apt.log" "apt-get" apt_get_install "${missing[@]}"
}

# The lock timeout: another apt-get may be at work on a machine that has just started.
apt_get_install() {
  local lock_timeout=(-o DPkg::Lock::Timeout=300)
  dpkg --configure -a # mends an installation that was interrupted
  apt-get "${lock_timeout[@]}" update -q
  apt-get "${lock_timeout[@]}" install -y -q --no-install-recommends "$@"
}

# install_wheels STEP: the venv of .deps. The CPU flavour takes --no-deps: requirements.txt is the
# whole closure then, and 3 GB of CUDA libraries stay away.
install_wheels() {
  has_wheels && return
  mkdir -p "$deps" 2>/dev/null && [[ -w $deps ]] || die 2 "cannot write to $deps; set PMOE_DEPS"
  {
    take_lock "$deps/lock" "installing wheels into $deps"
    has_wheels || make_venv "$1"
  } 9>>"$deps/lock"
}

make_venv() {
  local wanted size="1.4 GB, about 1 minute" no_deps=(--no-deps)
  wanted=$(wanted_wheels "$(read_stamp "$wheels_stamp")")
  if [[ $wanted == "torch: cuda"* ]]; then size="4.6 GB with CUDA, some minutes" no_deps=(); fi
  say "[$1] installing wheels into $deps ($size)"
  if [[ ! -f $wheels_stamp ]]; then
    run_logged "$1" "$deps/venv.log" "python3 -m venv" "$python" -m venv --clear "$deps/venv"
  fi
  rm -f "$wheels_stamp"
  run_logged "$1" "$deps/pip.log" "pip install" "$deps/venv/bin/python" -m pip install \
    --progress-bar off --disable-pip-version-check "${no_deps[@]}" -r "$root/requirements.txt"
  printf '%s\n' "$wanted" >"$wheels_stamp.new"
  mv "$wheels_stamp.new" "$wheels_stamp"
}

python_requirements=$root/tests/python/requirements.txt
python_stamp=$deps/python.stamp # what the venv of the Python package's tests holds

has_python_packages() { [[ $(read_stamp "$python_stamp") == "$(<"$python_requirements")" ]]; }

# install_python_packages STEP: a venv of its own, because its packages need not fit the others.
install_python_packages() {
  has_python_packages && return
  mkdir -p "$deps" 2>/dev/null && [[ -w $deps ]] || die 2 "cannot write to $deps; set PMOE_DEPS"
  {
    take_lock "$deps/lock" "installing Python packages into $deps"
    has_python_packages || make_python_venv "$1"
  } 9>>"$deps/lock"
}

make_python_venv() {
  say "[$1] installing Python packages into $deps/python (1.2 GB)"
  rm -f "$python_stamp"
  run_logged "$1" "$deps/venv.log" "python3 -m venv" "$python" -m venv --clear "$deps/python"
  run_logged "$1" "$deps/pip.log" "pip install" "$deps/python/bin/python" -m pip install \
    --progress-bar off --disable-pip-version-check --no-deps -r "$python_requirements"
  printf '%s\n' "$(<"$python_requirements")" >"$python_stamp.new"
  mv "$python_stamp.new" "$python_stamp"
}
