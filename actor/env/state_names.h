// What the numbers of a model's state are called. Pure function.
#pragma once

#include <string>
#include <vector>

#include "mujoco/mujoco.h"

namespace pmoe {

// qpos from number `skipped` on, then qvel: "qpos.knee", or "qpos.root[2]" of a joint with several.
std::vector<std::string> StateNames(const mjModel& model, int skipped);

// "base.NAME" or, of several, "base.NAME[index]"; an object without a name goes by its id.
std::string ObjectNumberName(const mjModel& model, mjtObj kind, int id, const std::string& base,
                             int index, int count);

}  // namespace pmoe
