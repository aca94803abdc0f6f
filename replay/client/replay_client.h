// The learner's hold on replay, in process or over gRPC: what it learns from, rounds, checkpoints,
// counts. Used by the learner's thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "replay/core/experience.h"

namespace pmoe {

struct ReplayStats {
  int64_t size = 0;      // transitions held
  int64_t inserted = 0;  // transitions ever inserted: env steps of the run
  std::string limiter;   // who waits and why, for people
};

class ReplayClient {
 public:
  virtual ~ReplayClient() = default;

  // How often Next will be called from now on: a remote client draws that many minibatches ahead
  // and not one more, so that lockstep never draws from rows of the wrong round.
  static constexpr int64_t kWithoutEnd = INT64_MAX;
  virtual void Expect(int64_t times) = 0;
  // The next minibatch or, on-policy, the rollout asked for; off-policy `rollout` says nothing.
  // Owned by the client and valid until the call after. DeadlineExceededError says what it waits
  // for; the call may be repeated.
  virtual absl::StatusOr<Experience> Next(const RolloutRequest& rollout,
                                          std::chrono::milliseconds timeout) = 0;

  // What the learner found in the rows of the last minibatch that Next gave: their |TD error|, in
  // their order. Only where it was prioritized; later minibatches follow it, in lockstep already
  // the next one. UnavailableError, DeadlineExceededError: replay does not know of it, and goes on.
  virtual absl::Status UpdatePriorities(absl::Span<const float> errors) = 0;

  // The newest policy that actors can have from now on; called before they can. Replay refuses rows
  // that claim a newer one. Costs no call of its own.
  virtual void OnPublish(uint64_t version) = 0;

  // Lockstep: waits until the round is wholly staged, then enters its rows in (actor, env, step)
  // order. DeadlineExceededError names the actors missing.
  virtual absl::Status Commit(uint64_t round, std::chrono::milliseconds timeout) = 0;
  virtual absl::StatusOr<ReplayStats> Stats() = 0;
  // Saves everything that the next batch's bits depend on under `name`; Restore brings it back.
  virtual absl::Status Save(absl::string_view name) = 0;
  virtual absl::Status Restore(absl::string_view name) = 0;
  // Every saved table but these may go: at once, or when the next one is saved.
  virtual absl::Status KeepOnly(const std::vector<std::string>& names) = 0;
};

}  // namespace pmoe
