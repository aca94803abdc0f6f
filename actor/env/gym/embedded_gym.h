// Gymnasium environments in the interpreter within this process, behind the C interface of plugins.
#pragma once

#include "actor/env/pmoe_env.h"

namespace pmoe {

// Its create wants a GymRequest. Thread-safe.
const PmoeEnvPlugin* EmbeddedGym();

}  // namespace pmoe
