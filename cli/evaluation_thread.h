// Evaluates snapshots beside the training, one after the other, in the order in which they were
// submitted. Owned and called by the learner's thread; owns the evaluator's thread.
#pragma once

#include <deque>
#include <memory>
#include <thread>

#include "absl/status/statusor.h"
#include "actor/evaluator.h"
#include "common/base/mutex.h"

namespace pmoe {

struct EvaluatedSnapshot {
  std::shared_ptr<const PolicySnapshot> snapshot;
  Evaluation evaluation;
};

class EvaluationThread {
 public:
  explicit EvaluationThread(std::unique_ptr<Evaluator> evaluator);
  ~EvaluationThread();  // gives up what is not finished

  // Waits while two evaluations are under way already.
  void Submit(std::shared_ptr<const PolicySnapshot> snapshot) ABSL_LOCKS_EXCLUDED(mu_);
  // What has finished since the last call; with `wait_all`, waits for everything submitted.
  absl::StatusOr<std::deque<EvaluatedSnapshot>> Take(bool wait_all) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Loop();
  bool Stopping() const ABSL_LOCKS_EXCLUDED(mu_);

  std::unique_ptr<Evaluator> evaluator_;  // the thread's
  mutable Mutex mu_;
  CondVar changed_;
  std::deque<std::shared_ptr<const PolicySnapshot>> waiting_
      ABSL_GUARDED_BY(mu_);  // front is being evaluated
  std::deque<EvaluatedSnapshot> finished_ ABSL_GUARDED_BY(mu_);
  absl::Status failure_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace pmoe
