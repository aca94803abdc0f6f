// What actors have reported and the learner has not taken yet: a queue per actor, oldest first.
// Thread-compatible: the owner's lock guards it.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "control/core/control.h"

namespace pmoe {

class ReportQueues {
 public:
  // Grows with the actors that report. Of one actor at most kPerActor_max are kept, and of all
  // together about kEpisodes_max episodes: the newest.
  explicit ReportQueues(size_t actors) : queues_(actors) {}
  static constexpr size_t kPerActor_max = 4096;
  static constexpr size_t kEpisodes_max = size_t{4} << 20;

  void Push(size_t actor, ActorReport report);
  // Whether one of that actor waits.
  bool Has(size_t actor) const { return actor < queues_.size() && !queues_[actor].empty(); }
  // One report of each actor of the run, in actor order; nullopt while one is missing.
  std::optional<std::vector<ActorReport>> TakeRound();
  // All, by actor.
  std::vector<ActorReport> TakeAll();
  // DeadlineExceededError that names the actors without a report.
  absl::Status Late(std::chrono::seconds waited) const;

 private:
  std::vector<size_t> Missing() const;

  ActorReport Pop(size_t actor);

  std::vector<std::deque<ActorReport>> queues_;  // [actors]
  size_t episodes_ = 0;                          // in all of them
};

}  // namespace pmoe
