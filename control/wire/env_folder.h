// The task and model that a run was made with, kept in its directory for people and for what comes
// later: env/identity.textproto says what they are, env/files/ holds them as they were read. Free
// functions; the directory is its learner's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/run.pb.h"

namespace pmoe {

// Larger models are told by their digests alone.
inline constexpr uint64_t kKeptBytesMax = uint64_t{256} << 20;

// A task as an environment was made of it.
struct EnvRecord {
  EnvSpecMessage spec;
  std::vector<std::string> files;  // bytes of spec.files, one after the other
  std::vector<std::string> paths;  // where they were read, on this machine
};

// What spec.files adds up to.
uint64_t TotalBytes(const EnvSpecMessage& env);

// What the run in `run` was made with; nullopt: it is older than this record.
// FailedPreconditionError: it cannot be read.
absl::StatusOr<std::optional<EnvSpecMessage>> KeptEnv(const std::string& run);

// Keeps the record in `run`. One that was there and differs is moved to env.1, env.2, ….
absl::Status KeepEnv(const std::string& run, const EnvRecord& record);
// Without its files, which come later by KeepEnvFiles.
absl::Status KeepEnvSpec(const std::string& run, const EnvSpecMessage& env);
absl::Status KeepEnvFiles(const std::string& run, const EnvRecord& record);
bool HasEnvFiles(const std::string& run);
// Whether two records name the same files with the same bytes.
bool HaveSameFiles(const EnvSpecMessage& a, const EnvSpecMessage& b);

// Where `run` keeps file `index` of the record; absolute.
std::string KeptFile(const std::string& run, const EnvSpecMessage& env, int index);

}  // namespace pmoe
