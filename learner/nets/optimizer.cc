#include "learner/nets/optimizer.h"

#include <cmath>

#include "ATen/TensorOperators.h"
#include "ATen/ops/zeros_like.h"
#include "c10/core/GradMode.h"
#include "learner/nets/tensor_io.h"

namespace pmoe {
namespace {

constexpr float kBeta1 = 0.9f;
constexpr float kBeta2 = 0.999f;
constexpr double kMomentum = 0.9;

struct AdamFactors {
  float step_size, inv_sqrt_correction2, epsilon, gradient;
};

void FusedAdam(int64_t n, const AdamFactors& f, float* __restrict values,
               float* __restrict gradient, float* __restrict first, float* __restrict second) {
  for (int64_t i = 0; i < n; ++i) {
    const float g = gradient[i] * f.gradient;
    const float m = kBeta1 * first[i] + (1.0f - kBeta1) * g;
    const float v = kBeta2 * second[i] + (1.0f - kBeta2) * g * g;
    first[i] = m;
    second[i] = v;
    values[i] -= f.step_size * m / (std::sqrt(v) * f.inv_sqrt_correction2 + f.epsilon);
    gradient[i] = 0.0f;
  }
}

}  // namespace

Optimizer::Optimizer(const OptimizerOptions& options, const at::Tensor& like)
    : options_(options), first_(at::zeros_like(like)), second_(at::zeros_like(like)) {}

void Optimizer::Step(at::Tensor* values, at::Tensor* gradient, const StepScale& scale) {
  const c10::AutoGradMode no_grad(false);
  ++steps_;
  if (options_.sgd) return MomentumStep(values, gradient, scale);
  AdamStep(values, gradient, scale);
}

void Optimizer::AdamStep(at::Tensor* values, at::Tensor* gradient, const StepScale& scale) {
  const double step_size =
      options_.learning_rate * scale.learning_rate / (1.0 - std::pow(double{kBeta1}, steps_));
  const double inv_sqrt_correction2 = 1.0 / std::sqrt(1.0 - std::pow(double{kBeta2}, steps_));
  if (values->is_cpu()) {
    const AdamFactors factors = {
        static_cast<float>(step_size), static_cast<float>(inv_sqrt_correction2),
        static_cast<float>(options_.epsilon), static_cast<float>(scale.gradient)};
    FusedAdam(values->numel(), factors, values->data_ptr<float>(), gradient->data_ptr<float>(),
              first_.data_ptr<float>(), second_.data_ptr<float>());
    return;
  }
  const at::Tensor g = *gradient * scale.gradient;
  first_.mul_(kBeta1).add_(g, 1.0 - kBeta1);
  second_.mul_(kBeta2).addcmul_(g, g, 1.0 - kBeta2);
  values->addcdiv_(first_, second_.sqrt().mul_(inv_sqrt_correction2).add_(options_.epsilon),
                   -step_size);
  gradient->zero_();
}

void Optimizer::MomentumStep(at::Tensor* values, at::Tensor* gradient, const StepScale& scale) {
  first_.mul_(kMomentum).add_(*gradient, scale.gradient);
  values->add_(first_, -options_.learning_rate * scale.learning_rate);
  gradient->zero_();
}

void Optimizer::SaveState(ByteWriter* out) const {
  out->Pod(steps_);
  SaveTensor(first_, out);
  SaveTensor(second_, out);
}

absl::Status Optimizer::LoadState(ByteReader* in) {
  in->Pod(&steps_);
  absl::Status status = LoadTensor(in, &first_);
  if (status.ok()) status = LoadTensor(in, &second_);
  return status;
}

}  // namespace pmoe
