// A rollout's rows in random order, cut into minibatches. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "common/base/rng.h"

namespace pmoe {

// A permutation of 0 … rows - 1 (Fisher-Yates).
std::vector<int64_t> Shuffled(int64_t rows, Rng* rng);

}  // namespace pmoe
