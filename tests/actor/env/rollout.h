// Drives an Env with reproducible random actions and records every bit that comes out. Test helper.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "actor/env/env.h"
#include "actor/env/pcg64.h"

namespace pmoe {

// MakeEnv that fails the test on an error.
std::unique_ptr<Env> MustMake(const std::string& id,
                              const std::map<std::string, std::string>& args = {});

// Steps with actions of 1.2 times the bounds, drawn from `actions`; resets without a seed after
// each end of an episode. Returns the bits of all observations, rewards and flags in order.
std::vector<uint64_t> Roll(Env* env, Pcg64* actions, int steps);

std::vector<uint64_t> ResetBits(Env* env, uint64_t seed);

std::string Saved(const Env& env);
absl::Status Load(Env* env, absl::string_view bytes);

}  // namespace pmoe
