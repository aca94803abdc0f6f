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
  // Grows with the actors that report; of one actor at most kPerActor_max are kept, the newest.
  explicit ReportQueues(size_t actors) : queues_(actors) {}
  static constexpr size_t kPerActor_max = 4096;

  void Push(size_t actor, ActorReport report);
  // One report of each actor of the run, in actor order; nullopt while one is missing.
  std::optional<std::vector<ActorReport>> TakeRound();
  // All, by actor.
  std::vector<ActorReport> TakeAll();
  // DeadlineExceededError that names the actors without a report.
  absl::Status Late(std::chrono::seconds waited) const;

 private:
  std::vector<size_t> Missing() const;

  std::vector<std::deque<ActorReport>> queues_;  // [actors]
};

}  // namespace pmoe
