// Asks a run's learner how the run fares. Free functions; they wait at most 3 s.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "cli/watch/learner_target.h"
#include "proto/run.grpc.pb.h"

namespace pmoe {

inline constexpr int kNobodyAnswers = 3;  // exit code

std::unique_ptr<RunService::Stub> StubOf(const LearnerTarget& target);
absl::StatusOr<RunStatus> AskStatus(RunService::Stub* stub);

// A learner that answers and refuses is one that the user can satisfy; waiting would not help.
bool IsRefusal(const absl::Status& status);
// Says on stderr that nobody answers, or who refuses and why. The exit code: 3, or 2 for a refusal.
int ReportNoAnswer(const LearnerTarget& target, const absl::Status& status);

}  // namespace pmoe
