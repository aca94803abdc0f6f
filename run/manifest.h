// manifest.json of a run directory: what produced the numbers beside it.
#pragma once

#include <string>

#include "proto/config.pb.h"

namespace pmoe {

// JSON text: versions of pmoe, its commit, the actors' simulator ("MuJoCo 3.6.0") and LibTorch
// ("2.11.0"), the CPU, threads, math library mode, start time.
std::string MakeManifest(const RunConfig& config, const std::string& simulator,
                         const std::string& libtorch);

}  // namespace pmoe
