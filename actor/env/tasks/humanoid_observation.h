// What the two tasks of the 3D biped observe: positions, velocities, and the chosen ones of
// inertia, velocity, actuator and contact terms. Oracle: Gymnasium's humanoid_v5.py and
// humanoidstandup_v5.py.
#pragma once

#include "absl/types/span.h"
#include "actor/env/env_args.h"
#include "actor/env/mujoco_env.h"
#include "mujoco/mujoco.h"

namespace pmoe {

struct HumanoidObservation {
  static constexpr int kPositionsMin = 7;  // smallest model: one with a free root joint
  static constexpr int kDofsMin = 6;

  bool exclude_current_positions_from_observation = true;  // leaves x and y out
  bool include_cinert_in_observation = true;
  bool include_cvel_in_observation = true;
  bool include_qfrc_actuator_in_observation = true;
  bool include_cfrc_ext_in_observation = true;

  // Up to v4 also the world body's terms and the actuator forces of the root joint, which are zero.
  bool whole = false;

  // Reads what the version has under its name.
  void Read(const EnvRequest& request, EnvArgs* args);
  int Size(const mjModel& model, const mjData& data) const;
  // obs: [Size].
  void Write(const mjModel& model, const mjData& data, absl::Span<double> obs) const;
};

}  // namespace pmoe
