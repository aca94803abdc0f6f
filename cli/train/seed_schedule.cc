#include "cli/train/seed_schedule.h"

#include <algorithm>

namespace pmoe {
namespace {

constexpr double kMemoryShare = 0.8;  // the rest is for learners, actors and the system

int RoundedUp(int a, int b) { return (a + b - 1) / b; }

}  // namespace

int SeedsAtOnce(const SeedLoad& load) {
  const int places = std::max(1, load.cores / std::max(1, load.cores_each));
  const int turns = std::max(1, load.runs / places);
  const int at_once = std::max(1, RoundedUp(load.runs, turns));
  if (load.bytes_each <= 0 || load.memory <= 0) return at_once;
  const auto usable = static_cast<int64_t>(kMemoryShare * static_cast<double>(load.memory));
  return static_cast<int>(std::clamp<int64_t>(usable / load.bytes_each, 1, at_once));
}

}  // namespace pmoe
