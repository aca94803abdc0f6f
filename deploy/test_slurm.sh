#!/usr/bin/env bash
# Really runs deploy/slurm on a Slurm cluster of one node, this machine: munged, slurmctld and
# slurmd with all their files in a temporary folder. Looks for three things: actors of the array
# join and rows are learned from; a job whose time is over writes a checkpoint, queues itself again
# and goes on; the finished run ends every job. About 4 minutes. Needs the packages slurm-wlm and
# munge, root, and the built binaries.
#   deploy/test_slurm.sh [FOLDER]     FOLDER keeps the logs; default: a temporary one
set -euo pipefail
cd "$(dirname "$0")/.."
source deploy/slurm_testing.sh

learner_says() {
  [[ -f $work/run/slurm.address ]] || return 1
  "$bin/pmoe" status --learner "$(<"$work/run/slurm.address")" 2>/dev/null | grep -q "$1"
}
has_updates() { learner_says 'updates [1-9]' && learner_says 'actor 1 .*connected'; }
restarted() { scontrol show job "$1" | grep -q 'Restarts=1 '; }
logged() { grep -q "$1" "$work/run/pmoe-$job.log"; }

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
# Slurm would let it wait for two minutes; within a second the node still refuses it as killed.
scontrol update "JobId=$job" StartTime=now+5seconds
wait_for 60 "and goes on from the checkpoint" has_updates
scancel --signal=TERM --batch "${array}_0" # as before the actor's time limit
wait_for 30 "an actor whose time is over queues itself again" restarted "${array}_0"
scancel --user=root
wait_for 60 "cancelled jobs end" no_job_left
steps=$(find "$work/run/checkpoints" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -n | tail -n 1)
SBATCH_TIMELIMIT=30 submit "$((steps + 1000))"
wait_for 240 "the run, submitted again, reaches its last step and ends every job" no_job_left
wait_for 1 "which was $((steps + 1000))" logged "$((steps + 1000))"
echo "slurm: passed"
