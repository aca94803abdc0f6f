// mjData as bytes: all of its numeric results, also those that lag the position by a step and
// therefore cannot be recomputed from qpos and qvel (xipos, cinert, cvel, cfrc_ext, qfrc_actuator).
// MuJoCo's index arrays and contacts are left out: the next step computes them anew, and no bytes
// that a file might hold can then send it out of bounds; the indices of delayed values, which are
// among the numbers, are checked.
//
// Of models with flexes the scratch memory counts too: MuJoCo 3.6.0 turns a flex's contacts by
// whatever earlier steps left on its stack (random_models_test shows it). Thread-compatible.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "common/base/bytes.h"
#include "mujoco/mujoco.h"

namespace pmoe {

// What MuJoCo computes only if something asks, and marks as done until it forgets it.
struct LazyStages {
  std::array<mjtNum, 2> energy{};  // potential, kinetic
  std::array<mjtByte, 4> done{};   // energy of positions, of velocities; subtrees; forces
};

// The words of mjData's arena that are not zero, by their place in it.
struct Scratch {
  std::vector<uint32_t> places;  // ascending
  std::vector<double> words;
};

// A parsed state, not yet applied.
struct MujocoState {
  double time = 0.0;
  std::vector<double> numbers;
  std::vector<mjtByte> equality_active;
  LazyStages lazy;  // of models with sensors or with energy enabled
  Scratch scratch;  // of models with flexes
};

void SaveMujocoState(const mjModel& model, const mjData& data, ByteWriter* out);
// DataLossError unless the bytes hold a state of exactly this model's sizes.
absl::Status ReadMujocoState(const mjModel& model, ByteReader* in, MujocoState* state);
// `state` comes from ReadMujocoState with the same model.
void ApplyMujocoState(const mjModel& model, const MujocoState& state, mjData* data);

}  // namespace pmoe
