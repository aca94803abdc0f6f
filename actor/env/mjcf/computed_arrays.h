// What task files read and mjData does not hold: velocities and gravity along a body's own axes,
// contact flags. Kept in the episode's memory, so that a restored state has them to the bit.
// Thread-compatible.
#pragma once

#include <vector>

#include "actor/env/mjcf/episode_memory.h"
#include "mujoco/mujoco.h"
#include "proto/task.pb.h"

namespace pmoe {

// Whether ComputedArrays has it, for objects of *kind.
bool IsComputed(SimulatorArray array, mjtObj* kind);

class ComputedArrays {
 public:
  // Borrows all.
  ComputedArrays(const mjModel* model, const mjData* data, EpisodeMemory* memory)
      : model_(model), data_(data), memory_(memory) {}

  // Where the object's numbers will be: 3, of a contact 1.
  absl::Span<double> Add(SimulatorArray array, int id);
  // Computes all that were added from mjData, whose body velocities lag qpos by a simulator step.
  void Refresh();

 private:
  struct Entry {
    SimulatorArray array;
    int id;
    absl::Span<double> values;
  };

  double Touches(const Entry& entry) const;

  const mjModel* model_;
  const mjData* data_;
  EpisodeMemory* memory_;
  std::vector<Entry> entries_;
};

// The world's direction of gravity along a frame's axes. rotation: [9], gravity: [3], down: [3]
// out, of length 1; (0, 0, -1) in the frame of the world where there is no gravity.
void ProjectGravity(const double* rotation, const double* gravity, double* down);

}  // namespace pmoe
