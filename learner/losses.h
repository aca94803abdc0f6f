// The losses and densities of the SAC family as pure functions. Equation numbers: arXiv
// 2104.09122. M members, C critics, B batch, K primitives, S primitives that take part, Z
// quantiles, Y atoms of a target, A action_dim.
#pragma once

#include "ATen/TensorOperators.h"
#include "ATen/core/Tensor.h"

namespace pmoe {

// sum_j log N(u_j; mean_j, std_j) of u = mean + std * eps. eps, log_std: [..., A] -> [...]
at::Tensor GaussianLogProb(const at::Tensor& eps, const at::Tensor& log_std);

// log |det d tanh(u) / du| = sum_j 2 (log 2 - u_j - softplus(-2 u_j)), exact in float32 at any u;
// log(1 - tanh(u)^2) is -inf from u = 9. u: [..., A] -> [...]
at::Tensor SquashLogDet(const at::Tensor& u);

// log pi_mix(tanh(u)) = logsumexp_k(log w_k + log N(u; mean_k, std_k)) - SquashLogDet(u); one
// Jacobian serves all. u: [M, B, S, A]; mean, log_std: [M, B, K, A]; log_w: [M, B, K] -> [M, B, S]
at::Tensor MixtureLogProb(const at::Tensor& u, const at::Tensor& mean, const at::Tensor& log_std,
                          const at::Tensor& log_w);

// y = r + discount (q_next - alpha log pi(a' | s')), discount = gamma^n, 0 after termination (Eq.
// 16). reward, discount: [M, B]; q_next, log_prob: [M, B]; alpha: [M, 1] -> [M, B]
at::Tensor CriticTarget(const at::Tensor& reward, const at::Tensor& discount,
                        const at::Tensor& q_next, const at::Tensor& log_prob,
                        const at::Tensor& alpha);

// Mean squared error per critic, summed over critics. q: [M, C, B], y: [M, B] -> [M]
at::Tensor CriticLoss(const at::Tensor& q, const at::Tensor& y);
// The same with each row's square by its weight (Schaul et al. 2015, section 3.4). weight: [M, B]
at::Tensor CriticLoss(const at::Tensor& q, const at::Tensor& y, const at::Tensor& weight);

// The keep smallest of all critics' atoms at each action, ascending (TQC, arXiv 2005.04269 Eq. 11).
// atoms: [M, C, B, S, Z] -> [M, B, S, keep]
at::Tensor SmallestAtoms(const at::Tensor& atoms, int64_t keep);

// Quantile regression: sum_Y w mean_Z |tau_z - 1[u < 0]| h(u), u = y - q_z, tau_z = (z + 1/2) / Z,
// h Huber's loss with kappa 1 (Eq. 14 there, with weights). q: [M, C, B, Z]; y, w: [M, B, Y], w's
// rows sum to 1 -> [M, C, B]
at::Tensor QuantileHuber(const at::Tensor& q, const at::Tensor& y, const at::Tensor& w);

// mean_B sum_S weight (alpha log pi - q): Eq. 14 with the winner alone, Eq. 13 with all. All [M, B,
// S]; alpha: [M, 1]
// -> [M]
at::Tensor PrimitiveLoss(const at::Tensor& q, const at::Tensor& log_prob, const at::Tensor& weight,
                         const at::Tensor& alpha);

// MRP (arXiv 2605.09157): mean_B sum_K w (alpha log pi_mix - q), with a gradient through all four.
// w, q, log_prob: [M, B, K]; alpha: [M, 1] -> [M]
at::Tensor MarginalLoss(const at::Tensor& w, const at::Tensor& q, const at::Tensor& log_prob,
                        const at::Tensor& alpha);

// Gumbel-softmax weights softmax((z + g) / tau), [M, B, K]; `hard` makes them one-hot and keeps the
// soft ones' gradient (straight-through). logits, gumbel = -log(-log U): [M, B, K]
at::Tensor GumbelWeights(const at::Tensor& logits, const at::Tensor& gumbel, double tau, bool hard);

// Score function: mean_B [c + log w_k stopgrad(c - b)]. cost c, log_w of the drawn k, baseline b:
// [M, B] -> [M]
at::Tensor ReinforceLoss(const at::Tensor& cost, const at::Tensor& log_w,
                         const at::Tensor& baseline);

// Router loss L_freq (Eq. 11): pulls w towards the primitive that scores best. mean_B of sum_K or
// mean_K (onehot - w)^2. Its gradient is twice delta of Eq. 7; Eq. 9's last line has the sign the
// other way round. w: [M, B, K], rows sum to 1; best: [M, B] index -> [M]
at::Tensor FrequencyLoss(const at::Tensor& w, const at::Tensor& best, bool mean_over_primitives);
// The same towards any distribution. target: [M, B, K]; row_weight: [M, B] by which a row counts,
// undefined: 1
at::Tensor FrequencyLossTo(const at::Tensor& w, const at::Tensor& target,
                           const at::Tensor& row_weight, bool mean_over_primitives);

// -mean_B log w_best: the same optimum w = f as FrequencyLoss. log_w: [M, B, K], best: [M, B] ->
// [M]
at::Tensor RouterCrossEntropy(const at::Tensor& log_w, const at::Tensor& best);
// The same towards any distribution, as FrequencyLossTo.
at::Tensor RouterCrossEntropyTo(const at::Tensor& log_w, const at::Tensor& target,
                                const at::Tensor& row_weight);

// mean_B max(0, floor - H(w)). floor: nats; log_w, w: [M, B, K] -> [M]
at::Tensor RouterEntropyLack(const at::Tensor& log_w, const at::Tensor& w, double floor);

}  // namespace pmoe
