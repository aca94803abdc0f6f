# shellcheck shell=bash
# Sourced by the tests of Slurm, in the repository's root and with their arguments: a Slurm cluster
# of one node, this machine, whose files all lie in $work, and waiting with a deadline. Needs the
# packages slurm-wlm and munge, root, and the built binaries. Everything ends with the script.

bin=$(readlink -f "${PMOE_BIN_DIR:-build/release/bin}")
for tool in munged slurmctld slurmd sbatch; do
  PATH=$PATH:/usr/sbin command -v "$tool" >/dev/null ||
    { echo "needs $tool: apt-get install slurm-wlm munge" >&2 && exit 2; }
done
[[ $EUID == 0 ]] || { echo "needs root: slurmd starts jobs for others" >&2 && exit 2; }
[[ -x $bin/pmoe ]] || { echo "needs $bin/pmoe: ./pmoe build, or set PMOE_BIN_DIR" >&2 && exit 2; }
export PATH=$PATH:/usr/sbin
work=$(readlink -m "${1:-$(mktemp -d /tmp/pmoe-slurm-XXXXXX)}")
keep=${1:+yes} daemons=()

finish() {
  scancel --user=root 2>/dev/null || true
  for ((i = 0; i < 60; ++i)); do
    [[ -n $(squeue -h 2>/dev/null) ]] || break
    sleep 0.5
  done
  for ((i = ${#daemons[@]} - 1; i >= 0; --i)); do kill "${daemons[i]}" 2>/dev/null || true; done
  wait
  [[ -n $keep ]] || rm -rf "$work"
}
trap finish EXIT

# wait_for SECONDS WHAT COMMAND…: until the command succeeds.
wait_for() {
  local limit=$1 what=$2 begin=$SECONDS
  shift 2
  until "$@"; do
    if ((SECONDS - begin > limit)); then
      echo "slurm: $what: not within $limit s; logs: $work" >&2
      tail -n 20 "$work"/run/*.log "$work"/log/*.log >&2 || true
      keep=yes
      exit 1
    fi
    sleep 0.5
  done
  echo "slurm: $what: yes, after $((SECONDS - begin)) s"
}

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("", 0)); print(s.getsockname()[1])'
}

# More cores than there are, so that all jobs run at once.
write_configuration() {
  cat >"$work/slurm.conf" <<CONF
ClusterName=pmoe
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmUser=root
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
AuthType=auth/munge
AuthInfo=socket=$work/munge/socket
CredType=cred/munge
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/log/slurmctld.log
SlurmdLogFile=$work/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
ReturnToService=2
SchedulerParameters=sched_interval=2,requeue_delay=1
NodeName=$(hostname -s) NodeAddr=127.0.0.1 CPUs=16
PartitionName=main Nodes=ALL Default=YES State=UP
CONF
  printf "%s\n" CgroupPlugin=autodetect IgnoreSystemd=yes >"$work/cgroup.conf"
}

start_slurm() {
  mkdir -p "$work"/{log,state,spool,munge,run}
  chmod 755 "$work" "$work/munge"
  head -c 1024 /dev/urandom >"$work/munge/key"
  chmod 400 "$work/munge/key"
  write_configuration
  export SLURM_CONF=$work/slurm.conf
  munged --foreground --force --key-file "$work/munge/key" --socket "$work/munge/socket" \
    --pid-file "$work/munge/pid" --log-file "$work/log/munged.log" --seed-file "$work/munge/seed" \
    >"$work/log/munged.out" 2>&1 &
  daemons+=($!)
  slurmctld -D >"$work/log/slurmctld.out" 2>&1 &
  daemons+=($!)
  slurmd -D >"$work/log/slurmd.out" 2>&1 &
  daemons+=($!)
}

node_is_idle() { [[ $(sinfo -h -o %T 2>/dev/null) == idle ]]; }
no_job_left() { [[ -z $(squeue -h) ]]; }
