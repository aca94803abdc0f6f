// One Gaussian out of K on a batch's rows, and its gradients: gating's and MCP's, as
// learner/nets/composite.h defines them. Pure functions on the caller's memory. B rows, K
// primitives, A action_dim.
#pragma once

#include <optional>

#include "common/policy/policy_spec.h"
#include "learner/kernels/mixture_rows.h"

namespace pmoe {

enum class Composition {
  kGated,         // variance sum_k w_k s_k^2
  kGatedSquared,  // variance sum_k w_k^2 s_k^2
  kMultiplied,    // MCP
};

// The policy's; none where each primitive acts on its own.
std::optional<Composition> CompositionOf(const PolicySpec& spec);

template <typename T>
struct ComposedRows {
  Composition composition{};
  GaussianShape shape;      // of the K
  Matrix<const T> mean;     // [B, K * A]
  Matrix<const T> log_std;  // [B, K * A] clamped
  Matrix<const T> w;        // [B, K]
};

// mean and log-std, not clamped. [B, A] both
template <typename T>
void Compose(const ComposedRows<T>& of, T* mean, T* log_std);

// From the gradients of those, those of the K: [B, K * A], [B, K * A], and of w, [B, K].
template <typename T>
void ComposeGradient(const ComposedRows<T>& of, const T* by_mean, const T* by_log_std,
                     Matrix<T> to_mean, Matrix<T> to_log_std, T* to_w);

// From d/dw of w = softmax(logits), d/dlogits, in place. [B, K]
template <typename T>
void SoftmaxGradient(long rows, long columns, Matrix<const T> w, T* gradient);

}  // namespace pmoe
