#include "learner/nets/optimizer.h"

#include <cmath>
#include <utility>

#include "ATen/TensorOperators.h"
#include "ATen/ops/zeros_like.h"
#include "c10/core/GradMode.h"
#include "learner/nets/tensor_io.h"

namespace pmoe {
namespace {

constexpr double kMomentum = 0.9;

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
  const auto on_host = [&]<typename T>(T) {
    StepOnHost<T>(AdamFactors<T>::From(f), {values->data_ptr<T>(), gradient->data_ptr<T>(),
                                            first_.data_ptr<T>(), second_.data_ptr<T>()});
    gradient->zero_();
  };
  if (values->is_cpu()) {
    return values->scalar_type() == at::kDouble ? on_host(double{}) : on_host(float{});
  }
  if (tied_) return tied_->StepByOperators(f, values, gradient, &first_, &second_);
  AdamByOperators(f, values, gradient, &first_, &second_);
}

void Optimizer::Tie(TiedHeads tied) {
  if (!tied.empty()) tied_.emplace(std::move(tied));
}

template <typename T>
void Optimizer::StepOnHost(const AdamFactors<T>& factors, const AdamArrays<T>& arrays) {
  const Share all = {0, first_.numel()};
  if (!tied_) return AdamStep(factors, arrays, all);
  tied_->StepHeads(factors, arrays, {0, tied_->rows()});
  tied_->StepOthers(factors, arrays, all);
}

template void Optimizer::StepOnHost(const AdamFactors<float>&, const AdamArrays<float>&);
template void Optimizer::StepOnHost(const AdamFactors<double>&, const AdamArrays<double>&);

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
  if (tied_) tied_->SaveState(out);
}

absl::Status Optimizer::LoadState(ByteReader* in) {
  in->Pod(&steps_);
  absl::Status status = LoadTensor(in, &first_);
  if (status.ok()) status = LoadTensor(in, &second_);
  if (status.ok() && tied_) status = tied_->LoadState(in);
  return status;
}

}  // namespace pmoe
