#include "learner/nets/optimizer.h"

#include <cmath>

#include "ATen/TensorOperators.h"
#include "ATen/ops/zeros_like.h"
#include "c10/core/GradMode.h"
#include "learner/nets/tensor_io.h"

namespace pmoe {
namespace {

constexpr double kMomentum = 0.9;

template <typename T>
void AdamOnHost(const AdamFactors<double>& f, at::Tensor* values, at::Tensor* gradient,
                at::Tensor* first, at::Tensor* second) {
  AdamStep(
      AdamFactors<T>::From(f),
      {values->data_ptr<T>(), gradient->data_ptr<T>(), first->data_ptr<T>(), second->data_ptr<T>()},
      {0, values->numel()});
  gradient->zero_();
}

}  // namespace

Optimizer::Optimizer(const OptimizerOptions& options, const at::Tensor& like)
    : options_(options), first_(at::zeros_like(like)), second_(at::zeros_like(like)) {}

void Optimizer::Step(at::Tensor* values, at::Tensor* gradient, const StepScale& scale) {
  const c10::AutoGradMode no_grad(false);
  if (options_.sgd) {
    ++steps_;
    return MomentumStep(values, gradient, scale);
  }
  const AdamFactors<double> f = NextAdam(scale);
  if (values->is_cpu()) {
    return values->scalar_type() == at::kDouble
               ? AdamOnHost<double>(f, values, gradient, &first_, &second_)
               : AdamOnHost<float>(f, values, gradient, &first_, &second_);
  }
  AdamByOperators(f, values, gradient, &first_, &second_);
}

AdamFactors<double> Optimizer::NextAdam(const StepScale& scale) {
  ++steps_;
  const double correction1 = 1.0 - std::pow(double{kAdamBeta1}, steps_);
  const double correction2 = 1.0 - std::pow(double{kAdamBeta2}, steps_);
  return {.step_size = options_.learning_rate * scale.learning_rate / correction1,
          .inv_sqrt_correction2 = 1.0 / std::sqrt(correction2),
          .epsilon = options_.epsilon,
          .gradient = scale.gradient};
}

void Optimizer::MomentumStep(at::Tensor* values, at::Tensor* gradient, const StepScale& scale) {
  first_.mul_(kMomentum).add_(*gradient, scale.gradient);
  values->add_(first_, -options_.learning_rate * scale.learning_rate);
  gradient->zero_();
}

void AdamByOperators(const AdamFactors<double>& f, at::Tensor* values, at::Tensor* gradient,
                     at::Tensor* first, at::Tensor* second) {
  const c10::AutoGradMode no_grad(false);
  const at::Tensor g = *gradient * f.gradient;
  first->mul_(kAdamBeta1).add_(g, 1.0 - kAdamBeta1);
  second->mul_(kAdamBeta2).addcmul_(g, g, 1.0 - kAdamBeta2);
  values->addcdiv_(*first, second->sqrt().mul_(f.inv_sqrt_correction2).add_(f.epsilon),
                   -f.step_size);
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
