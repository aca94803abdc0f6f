#include "learner/nets/composite.h"

#include "ATen/TensorOperators.h"
#include "ATen/ops/clamp.h"
#include "ATen/ops/exp.h"
#include "ATen/ops/log.h"
#include "common/policy/policy_spec.h"

namespace pmoe {

Gaussian GatedGaussian(const at::Tensor& mean, const at::Tensor& log_std, const at::Tensor& w,
                       bool squared) {
  const at::Tensor weight = w.unsqueeze(3);  // [M, B, K, 1]
  const at::Tensor variance =
      ((squared ? weight.square() : weight) * (log_std * 2.0).exp()).sum(2, /*keepdim=*/true);
  return {(weight * mean).sum(2, /*keepdim=*/true),
          (variance.log() * 0.5).clamp(kLogStdMin, kLogStdMax)};
}

Gaussian MultipliedGaussian(const at::Tensor& mean, const at::Tensor& log_std,
                            const at::Tensor& w) {
  const at::Tensor part = w.unsqueeze(3) * (log_std * -2.0).exp();  // w_k / s_k^2, [M, B, K, A]
  const at::Tensor precision = part.sum(2, /*keepdim=*/true).clamp_min(kPrecisionMin);
  return {(part * mean).sum(2, /*keepdim=*/true) / precision,
          (precision.log() * -0.5).clamp(kLogStdMin, kLogStdMax)};
}

}  // namespace pmoe
