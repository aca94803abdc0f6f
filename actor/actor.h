// One actor: steps its environments with the newest snapshot and writes every transition to replay,
// as the learner's directives say. One thread runs it. The same class in the embedded run and in a
// process of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actor/actor_clock.h"
#include "actor/env/env.h"
#include "actor/pacer.h"
#include "actor/policy_network.h"
#include "actor/row_queue.h"
#include "common/base/rng.h"
#include "control/core/run_client.h"
#include "replay/client/transition_writer.h"

namespace pmoe {

struct ActorOptions {
  uint64_t seed = 1;
  uint32_t index = 0;  // of this actor within the run
  uint32_t epoch = 0;  // life of that index: random streams of a restarted actor differ
  // Steps per second of a robot, in async and with one environment; 0: as fast as it can.
  double real_time_hz = 0.0;
  Clock* clock = Clock::Real();
  // Told what the actor does; outlives it. Null: nobody else asks.
  ActorClock* time = nullptr;
};

class Actor {
 public:
  // Environments of one spec. `client` and `writer` outlive the actor.
  Actor(const ActorOptions& options, std::vector<std::unique_ptr<Env>> envs,
        const PolicySpec& policy, RunClient* client, TransitionWriter* writer);

  // Follows directives until the run is finished or cancelled (OK), or something fails. With a rate
  // it hands on what its queue holds, for some seconds.
  absl::Status Run();

  // Between directives: everything the next step's bits depend on, environments and writer
  // included.
  std::string SaveState() const;
  absl::Status LoadState(absl::string_view bytes);

 private:
  // What one environment is in the middle of.
  struct Lane {
    std::unique_ptr<Env> env;
    Rng reset_rng;
    bool running = false;  // between a reset and an episode's end
    double episode_return = 0.0;
    uint32_t episode_length = 0;
  };

  absl::Status Obey(const Directive& directive);
  absl::Status RunRound(const Directive& directive);
  absl::Status RunFreely(const Directive& directive);
  absl::Status StepAll(const Directive& directive, ActorReport* report);
  absl::Status StepLane(size_t lane, ActorReport* report);
  void EndBrokenDown(absl::Span<const float> obs, StepResult* result);
  absl::Status StartEpisodes(ActorReport* report);
  void BeginSteps();
  void AbandonEpisodes();
  void ChooseActions(const Directive& directive);
  absl::Status Report(ActorReport report);
  void ReportPace(ActorReport* report);
  void CloseQueue(bool finished);

  ActorOptions options_;
  PolicySpec policy_;
  PolicyNetwork network_;
  RunClient* client_;
  TransitionWriter* writer_;
  std::vector<Lane> lanes_;         // [E]
  std::vector<Rng> rngs_;           // [E]
  std::vector<float> obs_;          // [E, O]
  std::vector<float> next_obs_;     // [O]
  std::vector<float> actions_;      // [E, A]
  std::vector<int> primitives_;     // [E]
  std::vector<double> env_obs_;     // [O]
  std::vector<double> env_action_;  // [A]
  uint32_t acting_version_ = 0;     // 0: uniform
  ActorClock own_time_;             // where nobody gave another
  ActorClock* const time_;
  ActorSeconds reported_;            // of time_
  std::optional<Pacer> pacer_;       // of a robot
  std::unique_ptr<RowQueue> queue_;  // of a robot: what writer_ is then
  uint64_t misses_ = 0;
  uint64_t misses_said_ = 1;  // when there are so many
};

}  // namespace pmoe
