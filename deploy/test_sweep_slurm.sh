#!/usr/bin/env bash
# Really runs what `pmoe sweep --slurm` prints, on a Slurm of one node: every task trains its run;
# one that is told to stop writes a checkpoint, queues itself again and goes on; the results are
# those of a sweep without Slurm. About a minute. Needs what slurm_testing.sh says.
#   deploy/test_sweep_slurm.sh [FOLDER]     FOLDER keeps the logs; default: a temporary one
set -euo pipefail
cd "$(dirname "$0")/.."
source deploy/slurm_testing.sh

write_sweep() {
  cat >"$work/tiny.textproto" <<'SWEEP'
out: "tiny"
steps: 3000
set: ["env.id=InvertedPendulum-v5", "schedule.start_steps=500", "schedule.update_after=500"]
set: ["policy.hidden=32,32", "learner.critic_hidden=32,32", "learner.batch_size=32"]
set: ["observe.eval_every_steps=1000", "observe.eval_episodes=2", "observe.log_every_steps=100"]
grid { field: "algorithm" value: ["sac", "pmoe_sac"] }
grid { field: "seed" value: ["1", "2"] }
SWEEP
}

# Without the seconds, which differ: name, state, steps, updates, evaluations.
results() { cut -d, -f2,3,7,8,10-12 "$1/results.csv"; }
trains() { grep -qs '^running' "$work/run/pmoe-tiny-3.out" && [[ -s $work/run/$1/metrics.csv ]]; }
stopped() { grep -q '^stopped' "$work/run/pmoe-tiny-3.out"; }
restarted() { scontrol show job "$1" | grep -q 'Restarts=1 '; }

start_slurm
wait_for 30 "the node is idle" node_is_idle
write_sweep
cd "$work/run"
"$bin/pmoe" sweep ../tiny.textproto --slurm --jobs 4 >tiny.sbatch
job=$(sbatch --parsable tiny.sbatch)
wait_for 60 "the last task trains" trains tiny/pmoe_sac-s2
scancel --signal=TERM "${job}_3" & # it tries for long, while the task is on its way back
wait_for 60 "told to stop, it writes a checkpoint" stopped
wait_for 60 "and queues itself again" restarted "${job}_3"
# Slurm would let it wait for two minutes; within a second the node still refuses it as killed.
scontrol update "JobId=${job}_3" StartTime=now+5seconds
wait_for 240 "all tasks end" no_job_left
"$bin/pmoe" sweep ../tiny.textproto --collect
mkdir local && cd local
"$bin/pmoe" sweep ../../tiny.textproto
diff <(results ../tiny) <(results tiny)
echo "slurm: passed"
