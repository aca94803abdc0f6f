// Updates of SAC and PMOE-SAC on made-up minibatches: what bench learner measures. One thread at a
// time. B batch, K primitives, O obs_dim, A action_dim, H = 256 units.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "learner/sac/sac_options.h"
#include "run/learner.h"

namespace pmoe {

struct SacWorkload {
  std::string name;
  bool router;
  int primitives;
  int obs_dim;
  int action_dim;
  int batch_size;
  int quantiles = 0;  // of two critics: TQC's
  bool layer_norm = false;
};

// Adam's step size of the learners under test: the same rows again and again would make networks
// that follow them diverge, which ends a run.
inline constexpr double kStillLearningRate = 1e-9;

// SAC with HalfCheetah's sizes.
SacWorkload SacOfBatch(int batch_size);
// All that are measured.
std::vector<SacWorkload> SacWorkloads();

// Multiply-adds of one update: every product that some used number depends on, once. The first
// critic layer's part for the observation is shared by the K actions of a state, and only the best
// primitive is trained (Eq. 14).
double LeastFlop(const SacWorkload& workload);

// Its learner, warm, with as many minibatches as it takes in turn.
class LearnerUnderTest {
 public:
  struct How {
    int threads = 1;
    UpdateStep step = UpdateStep::kFast;
    std::string device = "cpu";
  };
  static absl::StatusOr<std::unique_ptr<LearnerUnderTest>> Create(const SacWorkload& workload,
                                                                  const How& how);

  absl::Status Update() { return learner_->Update(&batches_[next_++ % batches_.size()]); }

 private:
  void FillBatches(const SacWorkload& workload);

  std::unique_ptr<Learner> learner_;
  std::vector<Minibatch> batches_;
  size_t next_ = 0;
};

}  // namespace pmoe
