// What the learner tells actors and what they answer (design of the control plane): plain values,
// whatever carries them. Shared by actor, learner and the embedded run.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/policy/policy_snapshot.h"

namespace pmoe {

enum class RunState { kRunning, kFinished };

// One order of the learner. In lockstep it opens a round: every environment makes `steps_per_env`
// steps with `snapshot`, or uniformly random actions.
struct Directive {
  RunState state = RunState::kRunning;
  uint64_t round = 0;
  uint32_t steps_per_env = 0;
  bool act_uniform = false;
  bool checkpoint = false;  // answer with the actor's part of a checkpoint, steps_per_env is 0
  std::shared_ptr<const PolicySnapshot> snapshot;
};

struct EpisodeResult {
  double episode_return = 0.0;
  uint32_t length = 0;
};

// Where an actor's time went, seconds.
struct ActorSeconds {
  double env = 0.0;
  double policy = 0.0;
  double write = 0.0;
};

// An actor's answer to a directive.
struct ActorReport {
  uint32_t actor = 0;
  uint64_t round = 0;
  std::vector<EpisodeResult> episodes;  // that ended in this round, in order of (step, env)
  ActorSeconds seconds;                 // spent in this round
  std::string checkpoint_part;          // when asked for
};

}  // namespace pmoe
