// One Gaussian out of K: what gating and MCP act with. Pure functions; the actor's are
// GateGaussians and MultiplyGaussians. M members, B batch, K primitives, A action_dim.
#pragma once

#include "ATen/core/Tensor.h"

namespace pmoe {

// Mean and log-std, both [M, B, 1, A].
struct Gaussian {
  at::Tensor mean;
  at::Tensor log_std;
};

// Gating (arXiv 2104.09122 Eq. 19, 20): mean sum_k w_k m_k, variance sum_k w_k s_k^2 as the paper
// prints it, or with `squared` sum_k w_k^2 s_k^2, that of the sum of independent draws.
// mean, log_std: [M, B, K, A]; w: [M, B, K], rows sum to 1
Gaussian GatedGaussian(const at::Tensor& mean, const at::Tensor& log_std, const at::Tensor& w,
                       bool squared);

// MCP (arXiv 1905.09808 Eq. 2, 3): the normalised prod_k N_k^w_k. Precision sum_k w_k / s_k^2, mean
// weighted by precision. mean, log_std: [M, B, K, A]; w: [M, B, K] in (0, 1)
Gaussian MultipliedGaussian(const at::Tensor& mean, const at::Tensor& log_std, const at::Tensor& w);

}  // namespace pmoe
