// Sums over a model's bodies as the 3D tasks use them. Pure functions.
#pragma once

#include "actor/env/env_args.h"
#include "mujoco/mujoco.h"

namespace pmoe {

// The mass of all bodies in kg, and the centre of mass along an axis in metres. Like all of
// MuJoCo's body positions one simulator step behind qpos.
double TotalMass(const mjModel& model);
double CenterOfMass(const mjModel& model, const mjData& data, double total_mass, int axis);

// The external contact forces (cfrc_ext, 6 numbers per body, the world's first):
// weight * sum(cfrc_ext^2), clipped to `range`.
double ContactCost(const mjModel& model, const mjData& data, double weight, const Range& range);

// Reads contact_forces=zero|computed of the -v2 emulations; whether they are computed. Zero, the
// default, is what mujoco-py gave with MuJoCo 2: nobody called mj_rnePostConstraint.
bool ReadContactForcesOfV2(EnvArgs* args);

}  // namespace pmoe
