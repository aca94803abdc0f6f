#include "learner/nets/mixture_stats.h"

#include <limits>

#include "ATen/TensorOperators.h"
#include "ATen/ops/cat.h"
#include "ATen/ops/full.h"
#include "ATen/ops/one_hot.h"
#include "ATen/ops/stack.h"
#include "absl/strings/str_cat.h"
#include "c10/core/GradMode.h"
#include "learner/kernels/mixture_stat_rows.h"

namespace pmoe {
namespace {

// Mean Euclidean distance between the squashed means of two different primitives.
at::Tensor MeanDistance(const at::Tensor& mean) {
  const int64_t primitives = mean.size(2);
  const at::Tensor a = mean.tanh();
  const at::Tensor apart =
      (a.unsqueeze(2) - a.unsqueeze(3)).square().sum(4).sqrt();  // [M, B, K, K]
  const double pairs = static_cast<double>(primitives * (primitives - 1));
  return apart.sum(3).sum(2).mean() / pairs;
}

// Mean std of the primitives that are not the best.
at::Tensor LoserStd(const at::Tensor& log_std, const at::Tensor& wins) {
  const at::Tensor std = log_std.exp().mean(3);  // [M, B, K]
  return (std * (1.0 - wins)).mean() * static_cast<double>(wins.size(2)) /
         static_cast<double>(wins.size(2) - 1);
}

}  // namespace

std::vector<std::string> MixtureStatNames(int primitives) {
  std::vector<std::string> names = {"router_entropy", "primitive_distance", "loser_std",
                                    "dead_primitives"};
  for (int k = 0; k < primitives; ++k) names.push_back(absl::StrCat("primitive_usage_", k));
  for (int k = 0; k < primitives; ++k) names.push_back(absl::StrCat("primitive_win_rate_", k));
  return names;
}

at::Tensor MixtureStats(const MixtureHeads& heads, const at::Tensor& best) {
  const c10::AutoGradMode no_grad(false);
  const bool gated = heads.gate.defined();
  const at::Tensor w = (gated ? heads.gate : heads.RouterWeights()).detach();  // [M, B, K]
  const at::Tensor mean = (gated ? heads.gated_mean : heads.mean).detach();
  const at::Tensor log_std = (gated ? heads.gated_log_std : heads.log_std).detach();
  const at::Tensor unknown =
      at::full({1}, std::numeric_limits<double>::quiet_NaN(), w.options()).squeeze(0);
  const bool several = w.size(2) > 1;
  const at::Tensor wins = best.defined() ? at::one_hot(best, w.size(2)).to(w.dtype())
                                         : unknown.expand({w.size(0), w.size(1), w.size(2)});
  const std::vector<int64_t> rows = {0, 1};
  const at::Tensor usage = w.mean(rows);
  const at::Tensor entropy = -(w * w.clamp_min(1e-30).log()).sum(2).mean();
  const at::Tensor scalars = at::stack({entropy, several ? MeanDistance(mean) : unknown,
                                        several ? LoserStd(log_std, wins) : unknown,
                                        usage.lt(kDeadUsage).sum().to(w.dtype())});
  return at::cat({scalars, usage, wins.mean(rows)});
}

}  // namespace pmoe
