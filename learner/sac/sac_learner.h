// Learner over a step of the SAC family, fast or by autograd: draws the noise, keeps statistics,
// makes snapshots. Thread-compatible.
#pragma once

#include <memory>

#include "common/base/rng.h"
#include "learner/sac/fast_sac_step.h"
#include "learner/sac/sac_update.h"
#include "learner/stat_sums.h"
#include "run/learner.h"

namespace pmoe {

class SacLearner : public Learner {
 public:
  SacLearner(const SacOptions& options, const PolicySpec& policy, const at::Device& device);

  absl::Status Update(const Experience& experience) override;
  absl::Span<const float> RowErrors() const override { return row_errors_; }
  uint64_t updates() const override { return updates_; }
  std::shared_ptr<const PolicySnapshot> Snapshot(uint64_t version,
                                                 uint64_t env_steps) const override;
  LearnerStats DrainStats() override;
  void SaveState(ContainerWriter* out) const override;
  absl::Status LoadState(const ContainerReader& in) override;

  const PhaseClock* phases() const override { return fast_ ? &fast_->phases() : &update_.phases(); }

  SacUpdate& update() { return update_; }

 private:
  void DrawNoise();
  SacNoise NoiseTensors() const;
  at::Tensor StepByAutograd(Minibatch* batch);
  absl::Span<const float> StepFast(Minibatch* batch);
  void KeepRowErrors();
  void FillUniform(at::Tensor* x);
  double GumbelTau() const;

  SacOptions options_;
  PolicySpec policy_;
  at::Device device_;
  SacUpdate update_;                          // owns the networks; steps where there is no fast_
  std::unique_ptr<FastSacStep<float>> fast_;  // null: learner.step=autograd, or nothing else fits
  std::vector<std::string> stat_names_;
  Rng noise_rng_;
  Rng router_rng_;
  at::Tensor noise_;               // [2, M, B, S, A], reused
  at::Tensor router_uniform_;      // [M, B], reused
  at::Tensor drawn_uniform_;       // [M, B], reused: kReinforce
  at::Tensor gumbel_;              // [M, B, K], reused: kGumbel
  std::vector<float> row_errors_;  // [B] of the last minibatch, if it was prioritized
  uint64_t updates_ = 0;
  StatSums stats_;
};

}  // namespace pmoe
