// Adam (Kingma & Ba 2015, PyTorch's formula), or gradient descent with momentum, over one flat
// parameter vector in a single fused pass: nine separate tensor operations over 209 k parameters
// take ten times as long. Thread-compatible.
#pragma once

#include <cstdint>
#include <optional>

#include "ATen/core/Tensor.h"
#include "common/base/bytes.h"
#include "learner/kernels/adam.h"
#include "learner/nets/tied_heads.h"

namespace pmoe {

struct OptimizerOptions {
  double learning_rate = 1e-3;
  double epsilon = 1e-8;  // Adam's
  bool sgd = false;       // momentum .9 instead of Adam
};

// What changes from step to step.
struct StepScale {
  double learning_rate = 1.0;  // a schedule's factor
  double gradient = 1.0;       // of a gradient that was too long
};

class Optimizer {
 public:
  Optimizer(const OptimizerOptions& options, const at::Tensor& like);
  // From now on steps are those of tied heads; before the first one. Adam alone does that.
  void Tie(TiedHeads tied);

  // Adam: values -= lr * m_hat / (sqrt(v_hat) + epsilon); momentum: m = .9 m + g, values -= lr m.
  // Then gradient = 0. All flat, of one type and length.
  void Step(at::Tensor* values, at::Tensor* gradient, const StepScale& scale = {});

  // For who keeps the parameters on the host, in these arrays: counts the step, says what it takes,
  // and does it. The gradient stays. T is the parameters' type.
  AdamFactors<double> NextAdam(const StepScale& scale = {});
  template <typename T>
  void StepOnHost(const AdamFactors<T>& factors, const AdamArrays<T>& arrays);
  // For who shares it among threads: null where nothing is tied, and AdamStep is all.
  TiedHeads* tied() { return tied_ ? &*tied_ : nullptr; }
  at::Tensor& first() { return first_; }
  at::Tensor& second() { return second_; }

  void SaveState(ByteWriter* out) const;
  absl::Status LoadState(ByteReader* in);

 private:
  void MomentumStep(at::Tensor* values, at::Tensor* gradient, const StepScale& scale);

  OptimizerOptions options_;
  int64_t steps_ = 0;
  at::Tensor first_;   // m
  at::Tensor second_;  // v
  std::optional<TiedHeads> tied_;
};

// AdamStep's formula by LibTorch's operators: what a GPU runs. Clears the gradient; f.tau is
// unused.
void AdamByOperators(const AdamFactors<double>& f, at::Tensor* values, at::Tensor* gradient,
                     at::Tensor* first, at::Tensor* second);

}  // namespace pmoe
