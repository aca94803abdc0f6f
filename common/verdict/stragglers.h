// Actors that are far slower than the others: stopped, on a machine that swaps, with an environment
// that sleeps. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "common/verdict/run_measure.h"

namespace pmoe {

struct Stragglers {
  std::vector<uint32_t> slow{};  // actors, by index
  // Their mean pace over the middle actor's, below kSlow. In lockstep, where all make as many
  // steps, by the time that a step takes.
  double pace = 1.0;
  std::vector<uint32_t> silent{};  // without a report for long, or gone
  double silent_s = 0.0;           // the longest

  bool any() const { return !slow.empty() || !silent.empty(); }
};

// Slow: less than half the middle actor's pace. The middle one is that of all that report: up to
// half of them may be slow without moving it far. Whoever waits for room most of its time is held
// up and not slow. Two actors are compared with each other.
Stragglers FindStragglers(const RunMeasure& measure);
inline constexpr double kSlow = 0.5;

// "Actors 3, 7 and 12 make 4 % of the others' steps. Actor 5 has said nothing for 8 s."; empty:
// none.
std::string StragglersText(const Stragglers& stragglers, Pace pace);
// "actor 3", "actors 3, 7 and 12", "actors 1, 2, 3, 4, 5, 6 and 14 more".
std::string ActorNames(absl::Span<const uint32_t> actors);

}  // namespace pmoe
