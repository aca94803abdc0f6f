// Finds a model's objects by the names and patterns of a task file. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "mujoco/mujoco.h"

namespace pmoe {

using NameList = google::protobuf::RepeatedPtrField<std::string>;

// How many objects of that kind the model has: bodies, joints, geoms, sites, actuators, sensors,
// tendons, keyframes.
int CountObjects(const mjModel& model, mjtObj kind);

// "joint \"knee\"", or "joint 3" without a name.
std::string DescribeObject(const mjModel& model, mjtObj kind, int id);

// The ids of the objects that `names` name, each once, in their order there; those of a pattern
// ("FL_*", "*") in the model's. All of the kind for an empty list. InvalidArgumentError, without
// the place in the file: no such name, with near ones.
absl::StatusOr<std::vector<int>> FindObjects(const mjModel& model, mjtObj kind,
                                             const NameList& names);
absl::StatusOr<int> FindObject(const mjModel& model, mjtObj kind, const std::string& name);

}  // namespace pmoe
