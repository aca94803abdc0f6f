// The two-mode bandit of the calibration: Q(a) = h1 exp(-((a - .6) / .25)^2) + h2 exp(-((a + .6) /
// .25)^2), alpha .1, solved by PolicyLoss with heads that are free parameters and Adam 1e-2. Every
// member is a seed of its own. M members, B batch, K primitives.
#pragma once

#include <vector>

#include "ATen/core/Tensor.h"
#include "learner/sac/policy_loss.h"

namespace pmoe::testing {

struct BanditOptions {
  SacOptions loss{};  // how the policy is trained
  int primitives = 1;
  bool has_router = false;
  double left_height = 1.0;  // h2; h1 is 1
  int seeds = 200;
  int steps = 3000;
  uint64_t seed = 1;
};

// Per seed, by quadrature over the actions.
struct BanditResult {
  std::vector<double> value;            // E[Q]
  std::vector<double> kl;               // KL(pi || exp(Q / alpha) / Z)
  std::vector<double> left;             // pi(a < 0)
  std::vector<double> frequency_error;  // max_k |w_k - P(k is best)|
};

BanditResult RunBandit(const BanditOptions& options);

}  // namespace pmoe::testing
