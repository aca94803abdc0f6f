// The learner's hold on replay, beside its minibatches: rounds, checkpoints, counts. Used by the
// learner's thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace pmoe {

struct ReplayStats {
  int64_t size = 0;      // transitions held
  int64_t inserted = 0;  // transitions ever inserted: env steps of the run
  std::string limiter;   // who waits and why, for people
};

class ReplayControl {
 public:
  virtual ~ReplayControl() = default;
  // Lockstep: waits until the round is wholly staged, then enters its rows in (actor, env, step)
  // order. DeadlineExceededError names the actors missing.
  virtual absl::Status Commit(uint64_t round, std::chrono::milliseconds timeout) = 0;
  virtual absl::StatusOr<ReplayStats> Stats() = 0;
  // Saves everything that the next batch's bits depend on under `name`; Restore brings it back.
  virtual absl::Status Save(absl::string_view name) = 0;
  virtual absl::Status Restore(absl::string_view name) = 0;
  // Removes every saved table but this one.
  virtual absl::Status KeepOnly(absl::string_view name) = 0;
};

}  // namespace pmoe
