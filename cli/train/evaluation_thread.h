// Evaluates the backlog's snapshots beside the training, one after the other. Owned by the
// learner's thread; owns the evaluator's thread.
#pragma once

#include <atomic>
#include <memory>
#include <thread>

#include "actor/evaluator.h"
#include "control/core/evaluation_backlog.h"

namespace pmoe {

class EvaluationThread {
 public:
  // `backlog` outlives the thread.
  EvaluationThread(std::unique_ptr<Evaluator> evaluator, EvaluationBacklog* backlog);
  ~EvaluationThread();  // gives up what is not finished

 private:
  void Loop();

  const std::unique_ptr<Evaluator> evaluator_;
  EvaluationBacklog* const backlog_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace pmoe
