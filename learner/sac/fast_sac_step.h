// One update of the SAC family by hand-derived gradients, on the CPU: the same numbers as SacUpdate
// but for rounding, and the same bits with any number of threads. Of an update's products only
// those are made that a used number depends on (docs/performance.md). Allocates nothing after its
// construction. Thread-compatible. M members, B batch.
#pragma once

#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "learner/kernels/thread_team.h"
#include "learner/sac/sac_worker.h"
#include "run/phase_clock.h"

namespace pmoe {

template <typename T>
class FastSacStep {
 public:
  // Not for a GPU or momentum: those have autograd.
  static bool Supports(const SacOptions& options, const PolicySpec& policy);

  // `nets`: of T, on the CPU; outlives the step.
  FastSacStep(const SacOptions& options, const PolicySpec& policy, SacNets* nets);

  // In the order of SacStatNames, member means; valid until the next call.
  absl::Span<const T> Step(const SacRows<T>& rows, const SacRowNoise<T>& noise);
  // Of the last step's rows, if they had weights: |q - y|, the mean over the critics, [M, B].
  absl::Span<const T> row_errors() const { return passes_.row_errors; }
  // After somebody else changed the networks' values.
  void Reload();

  const PhaseClock& phases() const { return phases_; }

 private:
  using Passes = SacPasses<T>;

  void Work(int thread);
  void ForRows(int thread, void (SacWorker<T>::*pass)(int, Share));
  // Of all weights of a net. actions: its input is (s, a) and not s.
  void WeightGradients(int thread, const Net<T>& net, bool actions,
                       const std::vector<NetRows<T>>& rows,
                       const std::vector<NetRows<T>>& gradients, T* to);
  void StepAlpha();
  void End(int thread, size_t phase);
  AdamArrays<T> Arrays(FlatParameters* parameters, Optimizer* optimizer, FlatParameters* target);
  void Summarise();

  SacNets& nets_;
  Passes passes_;
  ThreadTeam team_;
  std::vector<std::unique_ptr<SacWorker<T>>> workers_;  // one per thread
  std::vector<AlignedVector<T>> scratch_;               // [32 * B] one per thread
  AdamFactors<T> critic_factors_, actor_factors_;
  AdamArrays<T> critic_arrays_, actor_arrays_;
  std::vector<T> stats_;
  PhaseClock phases_;
};

}  // namespace pmoe
