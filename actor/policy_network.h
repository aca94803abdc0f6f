// The Torch-free interpreter of PolicySpec: evaluates any snapshot on a batch of observations with
// layers made for small batches. One per actor thread. A row's result does not depend on the rows
// beside it. E environments, O obs_dim, A action_dim, K primitives.
#pragma once

#include <memory>
#include <vector>

#include "Eigen/Core"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "actor/dense_layer.h"
#include "common/base/rng.h"
#include "common/policy/policy_snapshot.h"

namespace pmoe {

// How an action comes out of the mixture: which primitive k, and a = tanh(mean_k), or with `sample`
// a = tanh(mean_k + std_k eps).
struct ActionChoice {
  static constexpr int kRouter = -1;  // k ~ Cat(w)
  static constexpr int kArgmax = -2;  // k = argmax w

  int primitive = kRouter;  // or the index of the one that always acts
  bool sample = false;
};

class PolicyNetwork {
 public:
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

  // batch: E, the rows of every call.
  PolicyNetwork(const PolicySpec& spec, int batch);

  // Keeps the snapshot and packs its weights. FailedPreconditionError when its
  // architecture differs.
  absl::Status Load(std::shared_ptr<const PolicySnapshot> snapshot);
  uint64_t version() const { return snapshot_ == nullptr ? 0 : snapshot_->version; }

  // obs: [E, O]; rngs: one per row, drawn from only where the choice needs it; action: [E, A] in
  // [-1, 1]; primitive: [E].
  void Act(absl::Span<const float> obs, const ActionChoice& choice, absl::Span<Rng> rngs,
           absl::Span<float> action, absl::Span<int> primitive);

  // The heads' raw output for the last Forward or Act, clamped: mean, log_std [E, K * A]; router
  // weights [E, K].
  void Forward(absl::Span<const float> obs);
  const Matrix& mean() const { return outputs_[mean_]; }
  const Matrix& log_std() const { return log_std_clamped_; }
  const Matrix& router_weights() const { return router_weights_; }

 private:
  int IndexOf(const std::string& layer) const;
  void FillRouterWeights();
  int ChoosePrimitive(int row, int choice, Rng* rng) const;

  PolicySpec spec_;
  std::shared_ptr<const PolicySnapshot> snapshot_;
  std::vector<PackedLayer> layers_;  // of the snapshot
  std::vector<int> inputs_;  // per layer: index of the layer it reads, -1 for the observation
  Matrix obs_;
  std::vector<Matrix> outputs_;
  Matrix log_std_clamped_;
  // The chosen primitives' numbers for all actions in a row, with room to the end of a vector.
  Eigen::ArrayXf pre_tanh_;
  Eigen::ArrayXf chosen_std_;
  Eigen::ArrayXf softmax_;
  Matrix router_weights_;
  int mean_;
  int log_std_;
  int router_;  // -1 without one
};

// Normalised a in [-1, 1] to the environment's bounds: low + (a + 1) / 2 (high - low). action, out:
// [A]
void ScaleAction(const PolicySpec& spec, absl::Span<const float> action, absl::Span<double> out);

}  // namespace pmoe
