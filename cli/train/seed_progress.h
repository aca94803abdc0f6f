// How far the runs of `pmoe train --seeds` are, each and together. Values and a pure function.
#pragma once

#include <cstdint>
#include <vector>

#include "common/metrics/progress.h"

namespace pmoe {

enum class MemberState { kWaiting, kRunning, kStopped, kFailed, kFinished };

// One run, as one look shows it.
struct MemberView {
  uint64_t seed = 0;
  MemberState state = MemberState::kWaiting;
  ProgressState progress;
};

// Of all together: steps, rates of those at work, the mean of the last evaluations; more: the
// slowest of those at work, and how many wait.
ProgressState SumOf(const std::vector<MemberView>& views, double elapsed_s);

}  // namespace pmoe
