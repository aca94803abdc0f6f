// Domain randomization: numbers of an environment's own model, drawn anew for every episode.
// Thread-compatible.
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

class ModelDraws {
 public:
  // `model` is the environment's own copy and outlives this; its numbers now are the nominal ones.
  static absl::StatusOr<ModelDraws> Compile(const MjcfTaskConfig& task, const Place& place,
                                            mjModel* model, EpisodeMemory* memory);

  // Draws all, then Apply. Before the reset of `data`, which becomes scratch.
  void Draw(Pcg64* generator, mjData* data);
  // Writes what memory holds into the model, with all that follows from it. `data` is scratch.
  void Apply(mjData* data);

 private:
  // A number of the model, and which draws it takes. One that follows (a body's inertia its mass)
  // changes in the ratio of the last one that does not.
  struct Target {
    mjtNum* number;
    mjtNum nominal;
    size_t draw;
    bool follows;
  };
  struct Property {
    Randomization config;
    size_t draws = 0;  // how many objects are drawn for
    std::vector<Target> targets;
    absl::Span<double> scale, add;  // [draws]; empty: 1 or 0
  };

  absl::StatusOr<std::vector<int>> Objects(const Randomization& config, const Place& place) const;
  absl::Status Add(const Randomization& config, const Place& place, EpisodeMemory* memory);
  static void Change(const Property& property);

  std::vector<Property> properties_;
  mjModel* model_ = nullptr;
};

}  // namespace pmoe
