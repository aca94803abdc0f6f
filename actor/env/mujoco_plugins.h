// MuJoCo keeps its decoders of mesh files (STL, OBJ) and its engine plugins (pid, elasticity, sdf,
// sensors) in libraries of their own, in the folder plugin/ beside libmujoco. Thread-safe.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace pmoe {

// The folder beside the libmujoco that this process has loaded, wherever it was moved to.
std::string MujocoPluginFolder();

// Loads every library there; the first call does, all return its result. NotFoundError: no such
// folder, or an empty one; FailedPreconditionError: a library that does not load. Models without
// meshes and plugins load all the same.
const absl::Status& LoadMujocoPlugins();

}  // namespace pmoe
