// One HalfCheetah environment's endless stream of transitions for benchmarks; observations do not
// repeat soon. Thread-compatible.
#pragma once

#include <vector>

#include "common/base/rng.h"
#include "replay/core/chunk.h"

namespace pmoe {

class TransitionSource {
 public:
  static constexpr int kObs = 17;
  static constexpr int kAction = 6;

  TransitionSource() : numbers_(1 << 16) {
    Rng(1, RngRole::kActor, 0).FillNormal(numbers_.data(), numbers_.size());
  }

  Transition Next() {
    const size_t at = (step_ * kObs) % (numbers_.size() - 4 * kObs);
    const size_t after = ((step_ + 1) * kObs) % (numbers_.size() - 4 * kObs);
    ++step_;
    Transition t;
    t.obs = {&numbers_[at], kObs};
    t.next_obs = {&numbers_[after], kObs};
    t.action = {action_, kAction};
    t.reward = numbers_[at];
    t.truncated = step_ % kEpisodeSteps == 0;
    t.policy_version = 1;
    return t;
  }

  // Steps [first, first + 64) of a stream that has no episodes.
  Chunk NextChunk() {
    Chunk chunk;
    chunk.rows = kPageRows;
    chunk.first_step = step_;
    for (int i = 0; i < kPageRows; ++i) {
      const Transition t = Next();
      chunk.observations.insert(chunk.observations.end(), t.obs.begin(), t.obs.end());
      if (i + 1 == kPageRows) {
        chunk.observations.insert(chunk.observations.end(), t.next_obs.begin(), t.next_obs.end());
      }
      chunk.actions.insert(chunk.actions.end(), t.action.begin(), t.action.end());
      chunk.rewards.push_back(t.reward);
    }
    chunk.terminated.assign(kPageRows, 0);
    chunk.truncated.assign(kPageRows, 0);
    chunk.policy_version.assign(kPageRows, 1);
    return chunk;
  }

 private:
  static constexpr int kEpisodeSteps = 1000;

  std::vector<float> numbers_;
  float action_[kAction] = {0.1f, 0.2f, 0.3f, 0.4f, 0.5f, 0.6f};
  size_t step_ = 0;
};

}  // namespace pmoe
