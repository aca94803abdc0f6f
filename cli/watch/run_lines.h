// What is to be said of a run as a whole, in lines: for `pmoe status` and its --watch. Pure
// functions; empty text: there is nothing to say, or the learner is too old to say it.
#pragma once

#include <string>

#include "proto/run.pb.h"

namespace pmoe {

// "env steps 1500 of 100000 (1%), 709/s, 2 min left; updates 500, 350/s; up 62 s"
std::string ProgressText(const RunStatus& status);
// Versions: of the policy, the weights that actors use, the sampled rows; the last evaluation.
std::string AgesText(const RunStatus& status);
// "learner: update 61% (critic 40%, policy 15%), waits for rows 20%; CPU 1.02, 148 MB"
std::string LearnerTimeText(const RunStatus& status);
// "insert to ack 1.2 ms (99%: 8.0 ms), …"
std::string LatenciesText(const RunStatus& status);
// Samples per insert, what the run has cost.
std::string CostText(const RunStatus& status);
// GPUs and the disk of the run directory.
std::string MachineText(const RunStatus& status);
// "12.3 of 100.0 GB free"
std::string DiskText(const DiskSpaceMessage& disk);
// Where not all processes are of one build.
std::string BuildsText(const RunStatus& status);

}  // namespace pmoe
