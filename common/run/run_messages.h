// The control plane's values as they cross the network (proto/run.proto), and back. What comes from
// outside is checked here: an impossible number is InvalidArgumentError, never a crash.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/run/control.h"
#include "proto/run.pb.h"

namespace pmoe {

// Without snapshot and restore: they travel on their own.
DirectiveMessage ToMessage(const Directive& directive);
absl::StatusOr<Directive> FromMessage(const DirectiveMessage& message);

// "actor", "replay"; "unknown" for a role of another build.
std::string RoleName(RunRole role);

ActorReportMessage ToMessage(const ActorReport& report);
ActorReport FromMessage(uint32_t actor, const ActorReportMessage& message);

EvaluationMessage ToMessage(uint64_t version, const Evaluation& evaluation);
Evaluation FromMessage(const EvaluationMessage& message);

}  // namespace pmoe
