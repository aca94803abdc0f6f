// Forces that push a robot now and then. Thread-compatible.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "actor/env/mjcf/episode_memory.h"
#include "actor/env/mjcf/place.h"
#include "actor/env/pcg64.h"
#include "mujoco/mujoco.h"
#include "proto/task.pb.h"

namespace pmoe {

class Pushes {
 public:
  static absl::StatusOr<Pushes> Compile(const MjcfTaskConfig& task, const Place& place,
                                        const mjModel& model, EpisodeMemory* memory);

  // Draws when the first ones come.
  void Start(Pcg64* generator) const;
  // Before a step of step_s: begins and ends what is due, in data->xfrc_applied.
  void Advance(double step_s, Pcg64* generator, mjData* data) const;

 private:
  struct Entry {
    Push config;
    int body;
    absl::Span<double> wait_s;  // one number: until the next one
    absl::Span<double> left_s;  // one number: of the one that acts; 0: none does
  };

  std::vector<Entry> entries_;
};

}  // namespace pmoe
