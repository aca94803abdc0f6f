#!/usr/bin/env bash
# Starts a run on a Slurm cluster: one job for learner, replay and evaluator, an array of actors.
#   PMOE_RUN=/shared/runs/hopper deploy/slurm/submit.sh ACTORS LEARNER_FLAG…
#   PMOE_RUN=/shared/runs/hopper deploy/slurm/submit.sh 16 --env Hopper-v5 --steps 1e6
# PMOE_RUN and this checkout must lie on a file system that all nodes share. SBATCH_… variables
# (SBATCH_PARTITION, SBATCH_ACCOUNT, SBATCH_TIMELIMIT) reach both jobs. Once more with the same
# PMOE_RUN resumes the run.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
actors=${1:?usage: PMOE_RUN=DIR submit.sh ACTORS LEARNER_FLAG…}
shift
: "${PMOE_RUN:?the run directory, on a file system that all nodes share}"
PMOE_RUN=$(readlink -m "$PMOE_RUN")
export PMOE_RUN PMOE_BIN=${PMOE_BIN:-$(cd "$here/../.." && pwd)/build/release/bin}
mkdir -p "$PMOE_RUN"
cd "$PMOE_RUN" # the jobs' logs
export PMOE_CERTS=${PMOE_CERTS:-$PMOE_RUN/certs}
"$PMOE_BIN/pmoe" certs init --out "$PMOE_CERTS" >&2
# An old address would send the actors to a learner that is gone.
rm -f slurm.address
job='' array=''
# A learner without actors would wait for them until its time limit.
drop() {
  if [[ -n $job ]]; then scancel "$job" ${array:+"$array"}; fi
  exit 1
}
trap drop INT TERM HUP
job=$(sbatch --parsable "$here/pmoe.sbatch" "$@")
array=$(sbatch --parsable --array="0-$((actors - 1))" --dependency="after:$job" \
  "$here/actors.sbatch") || drop
trap - INT TERM HUP
echo "jobs $job (learner, replay, evaluator) and $array ($actors actors); squeue --me shows them"
echo "logs: $PMOE_RUN/pmoe-$job.log, pmoe-actors-${array}_*.log; end all: scancel $job $array"
