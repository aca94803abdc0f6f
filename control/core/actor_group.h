// All actors of a run as the learner's loop sees them, whatever connects them: threads of the same
// process, or processes over gRPC. Thread-safe implementations; the learner's thread calls.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "control/core/control.h"

namespace pmoe {

class ActorGroup {
 public:
  virtual ~ActorGroup() = default;
  // Every actor gets the directive, also one that comes later; its snapshot, when there is one,
  // becomes the newest.
  virtual void Publish(const Directive& directive) = 0;
  // Async: the newest weights, under the directive that stands.
  virtual void PublishSnapshot(std::shared_ptr<const PolicySnapshot> snapshot) = 0;
  // Lockstep: one report of every actor, in actor order, after one Publish. Fails with an actor's
  // error, or when `timeout` has passed: DeadlineExceededError names the actors that are missing.
  virtual absl::StatusOr<std::vector<ActorReport>> WaitReports(std::chrono::seconds timeout) = 0;
  // Async: what has come since the last call, also of actors that have failed since (Failure).
  virtual std::vector<ActorReport> TakeReports() = 0;
  // The highest snapshot version that any actor has said it uses: a restarted learner goes on above
  // it.
  virtual uint64_t NewestVersionSeen() = 0;
  // Why the run cannot outlive what has become of an actor; OK if all is well.
  virtual absl::Status Failure() = 0;
  // Whether an actor can be lost while the loop lives on: what it knows must be with the loop then.
  virtual bool may_lose_actors() const = 0;
};

// Async: the epoch of the first actor that a learner in its `life`-th life (1, 2, …) lets in. No
// earlier life can have given it, so rows and random streams of a resumed run are new. In lockstep
// every actor has epoch 0 for ever.
inline constexpr uint32_t kEpochsPerLife = 1 << 16;
inline uint32_t FirstActorEpoch(uint64_t life) {
  return static_cast<uint32_t>((life - 1) * kEpochsPerLife);
}

}  // namespace pmoe
