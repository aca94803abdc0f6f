#include "learner/nets/adam.h"

#include <cmath>

#include "ATen/ops/zeros_like.h"
#include "c10/core/GradMode.h"
#include "learner/nets/tensor_io.h"

namespace pmoe {
namespace {

constexpr float kBeta1 = 0.9f;
constexpr float kBeta2 = 0.999f;
constexpr float kEpsilon = 1e-8f;

void FusedStep(int64_t n, float step_size, float inv_sqrt_correction2, float* __restrict values,
               float* __restrict gradient, float* __restrict first, float* __restrict second) {
  for (int64_t i = 0; i < n; ++i) {
    const float g = gradient[i];
    const float m = kBeta1 * first[i] + (1.0f - kBeta1) * g;
    const float v = kBeta2 * second[i] + (1.0f - kBeta2) * g * g;
    first[i] = m;
    second[i] = v;
    values[i] -= step_size * m / (std::sqrt(v) * inv_sqrt_correction2 + kEpsilon);
    gradient[i] = 0.0f;
  }
}

}  // namespace

Adam::Adam(double learning_rate, const at::Tensor& like)
    : learning_rate_(learning_rate), first_(at::zeros_like(like)), second_(at::zeros_like(like)) {}

void Adam::Step(at::Tensor* values, at::Tensor* gradient) {
  const c10::AutoGradMode no_grad(false);
  ++steps_;
  const double step_size = learning_rate_ / (1.0 - std::pow(double{kBeta1}, steps_));
  const double inv_sqrt_correction2 = 1.0 / std::sqrt(1.0 - std::pow(double{kBeta2}, steps_));
  if (values->is_cpu()) {
    FusedStep(values->numel(), static_cast<float>(step_size),
              static_cast<float>(inv_sqrt_correction2), values->data_ptr<float>(),
              gradient->data_ptr<float>(), first_.data_ptr<float>(), second_.data_ptr<float>());
    return;
  }
  first_.mul_(kBeta1).add_(*gradient, 1.0 - kBeta1);
  second_.mul_(kBeta2).addcmul_(*gradient, *gradient, 1.0 - kBeta2);
  values->addcdiv_(first_, second_.sqrt().mul_(inv_sqrt_correction2).add_(kEpsilon), -step_size);
  gradient->zero_();
}

void Adam::SaveState(ByteWriter* out) const {
  out->Pod(steps_);
  SaveTensor(first_, out);
  SaveTensor(second_, out);
}

absl::Status Adam::LoadState(ByteReader* in) {
  in->Pod(&steps_);
  absl::Status status = LoadTensor(in, &first_);
  if (status.ok()) status = LoadTensor(in, &second_);
  return status;
}

}  // namespace pmoe
