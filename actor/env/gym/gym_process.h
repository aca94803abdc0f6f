// Gymnasium environments in a process each, behind the C interface of plugins: for another MuJoCo
// or PyTorch than ours, for code that crashes, and for steps side by side.
#pragma once

#include "actor/env/pmoe_env.h"

namespace pmoe {

// Its create wants a GymRequest. Thread-safe.
const PmoeEnvPlugin* GymInProcess();

}  // namespace pmoe
