// One Gaussian out of K for some rows, and its gradient: what gating and MCP act with, as
// learner/nets/composite.h has it for autograd. n rows, K primitives, A action_dim.
#pragma once

#include "common/policy/policy_spec.h"
#include "learner/kernels/mixture.h"

namespace pmoe {

// Which of them, if any.
struct Composition {
  HeadType head = HeadType::kGaussian;  // kGating, kMcp; else nothing is composed
  bool squared = false;                 // kGating: variance sum w^2 s^2 instead of sum w s^2

  bool composes() const { return head == HeadType::kGating || head == HeadType::kMcp; }
};

// Gating: mean sum_k w_k m_k, variance sum_k w_k s_k^2 or w_k^2 s_k^2 (arXiv 2104.09122 Eq. 19,
// 20). MCP: precision P = sum_k w_k / s_k^2, mean weighted by it (arXiv 1905.09808 Eq. 3). of: K
// primitives and their weights; one: a single one, whose mean and log-std are written.
template <typename T>
void Compose(const Composition& composition, const HeadRows<T>& of, long n, HeadRows<T>* one);

// From the gradient of the one, that of the K and of the router's output. Overwrites.
template <typename T>
void ComposeGradient(const Composition& composition, const HeadRows<T>& of, const HeadRows<T>& one,
                     const HeadGradients<T>& of_one, long n, HeadGradients<T>* gradients);

}  // namespace pmoe
