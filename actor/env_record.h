// What an environment is and was made of, for whoever keeps or compares it: a run's directory, the
// learner of a cluster, `pmoe eval`. Free functions; thread-safe.
#pragma once

#include "absl/status/statusor.h"
#include "actor/env/env.h"
#include "control/wire/env_folder.h"
#include "proto/run.pb.h"

namespace pmoe {

// The spec alone, with the simulator: other versions step otherwise.
EnvSpecMessage ToMessage(const EnvSpec& spec);

// Reads the files again that `env` was made of. Of a plugin only the digest is kept: what comes
// from elsewhere is never code.
absl::StatusOr<EnvRecord> RecordEnv(const Env& env);

}  // namespace pmoe
