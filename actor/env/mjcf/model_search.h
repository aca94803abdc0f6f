// Where the model of a task file lies. Free function.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "actor/env/mjcf/place.h"

namespace pmoe {

// The path of `model` as the file at `place` names it: absolute, in a home folder ("~/robot.xml"),
// or relative: beside the file, and a name without a leading dot then among Gymnasium's assets.
// NotFoundError: lists the places where it is not.
absl::StatusOr<std::string> FindModel(const std::string& model, const Place& place,
                                      const std::string& assets_dir);

}  // namespace pmoe
