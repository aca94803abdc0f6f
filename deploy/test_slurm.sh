#!/usr/bin/env bash
# Really runs deploy/slurm on a Slurm cluster of one node, this machine: munged, slurmctld and
# slurmd with all their files in a temporary folder. Looks for three things: actors of the array
# join and rows are learned from; a job whose time is over writes a checkpoint, queues itself again
# and goes on; the finished run ends every job. About 4 minutes. Needs the packages slurm-wlm and
# munge, root, and the built binaries.
#   deploy/test_slurm.sh [FOLDER]     FOLDER keeps the logs; default: a temporary one
set -euo pipefail
cd "$(dirname "$0")/.."
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
learner_says() {
  [[ -f $work/run/slurm.address ]] || return 1
  "$bin/pmoe" status --learner "$(<"$work/run/slurm.address")" 2>/dev/null | grep -q "$1"
}
has_updates() { learner_says 'updates [1-9]' && learner_says 'actor 1 .*connected'; }
restarted() { scontrol show job "$1" | grep -q 'Restarts=1 '; }
logged() { grep -q "$1" "$work/run/pmoe-$job.log"; }
no_job_left() { [[ -z $(squeue -h) ]]; }

# submit STEPS: sets $job and $array; the actors have more time than the learner.
submit() {
  deploy/slurm/submit.sh 2 --env InvertedPendulum-v5 --seed 1 --steps "$1" \
    --set policy.hidden=32,32 --set learner.critic_hidden=32,32 --set learner.batch_size=32 \
    --set schedule.start_steps=500 --set schedule.update_after=500 --set observe.video=false |
    tee "$work/submitted"
  read -r job array < <(sed -n 's/^jobs \([0-9]*\) .* and \([0-9]*\) .*/\1 \2/p' "$work/submitted")
  scontrol update "JobId=$array" TimeLimit=30
}

start_slurm
wait_for 30 "the node is idle" node_is_idle
export PMOE_RUN=$work/run PMOE_BIN=$bin SBATCH_TIMELIMIT=3
export PMOE_TLS=$work/run/certs/admin
submit 1e9
wait_for 60 "two actors of the array join, rows are learned from" has_updates
# The time limit is 3 minutes, the signal comes 2 before it: within the second minute.
wait_for 150 "before the time limit the learner stops with a checkpoint" logged 'go on with'
wait_for 60 "the job queues itself again" restarted "$job"
scontrol update "JobId=$job" StartTime=now # Slurm would let it wait for two minutes
wait_for 60 "and goes on from the checkpoint" has_updates
scancel --signal=TERM --batch "${array}_0" # as before the actor's time limit
wait_for 30 "an actor whose time is over queues itself again" restarted "${array}_0"
scancel --user=root
wait_for 60 "cancelled jobs end" no_job_left
steps=$(find "$work/run/checkpoints" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -n | tail -n 1)
submit "$((steps + 3000))"
wait_for 180 "the run, submitted again, reaches its last step and ends every job" no_job_left
wait_for 1 "which was $((steps + 3000))" logged "$((steps + 3000))"
echo "slurm: passed"
