// The two-mode bandit of the calibration: Q(a) = h1 exp(-((a - .6) / .25)^2) + h2 exp(-((a + .6) /
// .25)^2), alpha .1, solved by PolicyLoss with heads that are free parameters and Adam 1e-2. The K
// primitives are a mixture, or gating or MCP makes one Gaussian of them. Every member is a seed of
// its own. M members, B batch, K primitives.
#pragma once

#include <vector>

#include "ATen/core/Tensor.h"
#include "common/policy/policy_spec.h"
#include "learner/sac/policy_loss.h"
#include "tests/learner/test_options.h"

namespace pmoe {

struct BanditOptions {
  SacOptions loss = TestSacOptions();  // how the policy is trained
  HeadType head = HeadType::kGaussian;
  bool gating_squared = false;
  int primitives = 1;
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
  std::vector<double> frequency_error;  // max_k |w_k - P(k is best)|; 0 without a router
};

BanditResult RunBandit(const BanditOptions& options);

}  // namespace pmoe
