// The container of an environment's saved state: says whose it is and whether it is whole.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "actor/env/env.h"
#include "common/base/bytes.h"

namespace pmoe {

// Keeps the step counter of a forged state from overflowing.
inline constexpr int64_t kElapsedStepsMax = int64_t{1} << 62;

// One line that names a spec and what else the bits depend on; two Envs may exchange states if
// theirs are equal but for where files lie. `engine`: "MuJoCo 3.6.0", or empty.
std::string EnvIdentity(const EnvSpec& spec, const std::string& engine);

// Layout: u32 magic, u32 CRC32C of the body, the body with its length. The body: the identity, then
// `state`.
void WriteEnvState(const std::string& identity, const std::string& state, ByteWriter* out);

// The `state` again. DataLossError: truncated, damaged or none. FailedPreconditionError: of an Env
// of another identity.
absl::StatusOr<std::string> ReadEnvState(const std::string& identity, ByteReader* in);

}  // namespace pmoe
