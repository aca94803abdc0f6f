// How an episode of a task file begins: keyframe, noise, drawn coordinates, a time to settle.
// Immutable once compiled.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "actor/env/mjcf/place.h"
#include "actor/env/mjcf/selection.h"
#include "actor/env/pcg64.h"
#include "mujoco/mujoco.h"
#include "proto/task.pb.h"

namespace pmoe {

// The keyframe of that name or number; -1 where the task names none. InvalidArgumentError with the
// near names.
absl::StatusOr<int> FindKeyframe(const MjcfTaskConfig& task, const Place& place,
                                 const mjModel& model);

class StartPose {
 public:
  static absl::StatusOr<StartPose> Compile(const MjcfTaskConfig& task, const Place& place,
                                           const mjModel& model, const SliceSource& source);

  // The draws of `start`, in order; quaternions are made of length 1 again.
  void Draw(const mjModel& model, Pcg64* generator, mjData* data) const;
  // Lets the simulator run with the controls as they are, then sets the time back to 0.
  void Settle(const mjModel& model, mjData* data) const;

 private:
  struct Entry {
    StartDraw config;
    Selection numbers;
  };

  std::vector<Entry> draws_;
  int settle_steps_ = 0;
};

}  // namespace pmoe
