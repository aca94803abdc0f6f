// The learner as the rest of the system sees it: minibatches or rollouts in, snapshots and
// statistics out. Free of Torch and of protobuf, so that both sides of that wall may include it.
// Thread-compatible: one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/policy/container.h"
#include "common/policy/policy_snapshot.h"
#include "replay/core/experience.h"
#include "run/phase_clock.h"

namespace pmoe {

// Means over the updates since the last drain, by metric name (docs/metrics.md).
using LearnerStats = std::vector<std::pair<std::string, double>>;

class Learner {
 public:
  virtual ~Learner() = default;

  // One update on a minibatch, or all that a rollout is good for. UnimplementedError: the kind that
  // this algorithm does not learn from. DataLossError: not of its sizes. A loss that is not finite
  // is an InternalError that names the loss and the update; the weights are then not to be used any
  // more.
  virtual absl::Status Update(const Experience& experience) = 0;
  // Of the last update's minibatch, if it was prioritized: |TD error| of each row, the mean over
  // the critics. Else empty.
  virtual absl::Span<const float> RowErrors() const { return {}; }
  virtual uint64_t updates() const = 0;
  virtual std::shared_ptr<const PolicySnapshot> Snapshot(uint64_t version,
                                                         uint64_t env_steps) const = 0;
  virtual LearnerStats DrainStats() = 0;
  // Where the updates' time went so far; null: not measured.
  virtual const PhaseClock* phases() const { return nullptr; }

  // Everything the bits of the next update depend on, the undrained statistics included.
  virtual void SaveState(ContainerWriter* out) const = 0;
  virtual absl::Status LoadState(const ContainerReader& in) = 0;
};

}  // namespace pmoe
