// manifest.json of a run directory: what produced the numbers beside it.
#pragma once

#include <string>

#include "proto/config.pb.h"

namespace pmoe {

// JSON text: versions of pmoe, its commit, MuJoCo and LibTorch, the CPU, threads, math library
// mode, start time.
std::string MakeManifest(const RunConfig& config);

}  // namespace pmoe
