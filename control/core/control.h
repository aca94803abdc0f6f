// What the learner tells actors and what they answer (design of the control plane): plain values,
// whatever carries them. Shared by actor, learner and the embedded run.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/policy/policy_snapshot.h"

namespace pmoe {

enum class RunState { kRunning, kFinished };

// One order of the learner. In lockstep it opens a round: every environment makes `steps_per_env`
// steps with the newest snapshot, or uniformly random actions. In async (`until_next`) the actor
// steps until another directive comes.
struct Directive {
  RunState state = RunState::kRunning;
  uint64_t round = 0;
  uint32_t steps_per_env = 0;
  bool until_next = false;
  bool act_uniform = false;
  bool checkpoint = false;  // the report brings the actor's part of a checkpoint, after the steps
  uint64_t env_steps = 0;   // of the run
  // The actors' parts of the checkpoint to go on from, by actor index; null: nothing to restore.
  std::shared_ptr<const std::vector<std::string>> restore;
  std::shared_ptr<const PolicySnapshot> snapshot;  // null: the newest stays
};

struct EpisodeResult {
  double episode_return = 0.0;
  uint32_t length = 0;
  uint32_t diverged = 0;  // 1: ended because the simulation broke down
};

// What environments said at the end of their episodes under one name (Env::Info).
struct InfoSum {
  double sum = 0.0;
  uint64_t episodes = 0;  // that said something
};
using InfoSums = std::map<std::string, InfoSum>;
inline constexpr char kSuccessInfo[] = "success";
inline constexpr size_t kInfoNamesMax = 64;  // of one report; others are left out
// Adds what one episode said.
void AddInfo(const std::map<std::string, double>& info, InfoSums* sums);

// Where an actor's time went, seconds.
struct ActorSeconds {
  double env = 0.0;      // resets and steps
  double policy = 0.0;   // forward passes, weights taken in
  double write = 0.0;    // rows handed on, waiting for room included
  double blocked = 0.0;  // of write: waited for room
  double idle = 0.0;     // waited for a directive, or for a robot's tick

  ActorSeconds operator+(const ActorSeconds& more) const {
    return {env + more.env, policy + more.policy, write + more.write, blocked + more.blocked,
            idle + more.idle};
  }
  ActorSeconds operator-(const ActorSeconds& before) const {
    return {env - before.env, policy - before.policy, write - before.write,
            blocked - before.blocked, idle - before.idle};
  }
};

// An actor's answer to a directive; in async, about once a second.
struct ActorReport {
  uint32_t actor = 0;
  uint64_t round = 0;
  uint64_t env_steps = 0;               // since the last report
  std::vector<EpisodeResult> episodes;  // that ended since then, in order of (step, env)
  ActorSeconds seconds;                 // spent since then
  uint64_t acting_version = 0;          // of the last step; 0: actions were drawn uniformly
  uint64_t deadline_misses = 0;         // since then, of an actor with a rate of its own
  uint64_t rows_left_out = 0;           // since then, because replay gave no room for long
  InfoSums info;                        // of the episodes
  uint64_t env_errors = 0;              // resets and steps that failed since then
  std::string env_error;                // why the last of these did
  std::string checkpoint_part;          // when asked for
};

// What came out of playing whole episodes with one snapshot.
struct Evaluation {
  uint64_t env_steps = 0;  // of the snapshot
  double return_mean = 0.0;
  double return_std = 0.0;  // population standard deviation over episodes
  double length_mean = 0.0;
  double length_std = 0.0;
  std::vector<double> primitive_usage;  // [K], share of steps
  std::vector<double> returns;          // [episodes]
  std::map<std::string, double> info;   // means over the episodes that said something
  double seconds = 0.0;
};

}  // namespace pmoe
