// The Gaussians that an action is drawn from, one row at a time: the K primitives of a mixture, or
// the one Gaussian that gating and MCP make of them. Pure functions. K primitives, A action_dim.
#pragma once

#include "absl/types/span.h"
#include "common/policy/policy_spec.h"

namespace pmoe {

// What one row's heads say.
struct RowHeads {
  const float* mean;     // [K, A]
  const float* log_std;  // [K, A], clamped
  const float* weights;  // [K]
};

// Gating (Eq. 19, 20): mean sum_k w_k m_k, variance sum_k w_k s_k^2, or with spec.gating_squared
// sum_k w_k^2 s_k^2, which is that of the weighted sum of independent draws. mean, log_std: [A]
void GateGaussians(const PolicySpec& spec, const RowHeads& row, float* mean, float* log_std);

// MCP (arXiv 1905.09808 Eq. 3): the normalised product of N_k^w_k; its precision is the sum of
// w_k / s_k^2, its mean the precision-weighted one. mean, log_std: [A]
void MultiplyGaussians(const PolicySpec& spec, const RowHeads& row, float* mean, float* log_std);

// sum_j log N(u_j; mean_j, exp(log_std_j)). All [A].
double LogDensity(absl::Span<const float> u, const float* mean, const float* log_std);

// log sum_k w_k N_k(u), by log-sum-exp: finite however far u is from every primitive.
double MixtureLogDensity(absl::Span<const float> u, int primitives, const RowHeads& row);

}  // namespace pmoe
