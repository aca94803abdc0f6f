#include "tests/benchmark/sac_workload.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/rng.h"
#include "common/base/status_macros.h"
#include "tests/learner/test_options.h"

namespace pmoe {
namespace {

constexpr int kHidden = 256;
constexpr int kQuantiles = 25, kDropped = 2;
constexpr int kBatches = 16;  // different minibatches, in turn
constexpr int kWarmUpdates = 5;

}  // namespace

SacWorkload SacOfBatch(int batch_size) {
  return {absl::StrCat("sac_b", batch_size), false, 1, 17, 6, batch_size};
}

std::vector<SacWorkload> SacWorkloads() {
  std::vector<SacWorkload> all;
  for (const int batch : {100, 256}) {
    all.push_back(SacOfBatch(batch));
    for (const int k : {1, 2, 4, 10}) {
      all.push_back({absl::StrCat("pmoe_k", k, "_b", batch), true, k, 17, 6, batch});
    }
    for (const int k : {1, 10}) {
      all.push_back({absl::StrCat("humanoid_pmoe_k", k, "_b", batch), true, k, 348, 17, batch});
    }
    all.push_back({absl::StrCat("quantiles_b", batch), false, 1, 17, 6, batch, kQuantiles});
    all.push_back({absl::StrCat("layer_norm_b", batch), false, 1, 17, 6, batch, 0, true});
    all.push_back({absl::StrCat("both_b", batch), false, 1, 17, 6, batch, kQuantiles, true});
    all.push_back({absl::StrCat("quantiles_pmoe_k4_b", batch), true, 4, 17, 6, batch, kQuantiles});
  }
  return all;
}

double LeastFlop(const SacWorkload& w) {
  const double o = w.obs_dim, a = w.action_dim, h = kHidden, k = w.primitives;
  const double z = std::max(1, w.quantiles);
  const double trained_heads = 2.0 * k * a;
  const double policy = o * h + h * h + h * (trained_heads + (w.router ? k : 0.0));
  const double policy_input_gradient = h * h + h * trained_heads;
  const double critic = (o + a) * h + h * h + h * z;
  const double critic_input_gradient = h * h + h * z;
  const double ranking = o * h + k * (a * h + h * h + h * z);
  const double critic_to_action = h * z + h * h + h * a;
  const double per_row = 3.0 * policy + policy_input_gradient +
                         2.0 * (3.0 * critic + critic_input_gradient + ranking + critic_to_action);
  return 2.0 * per_row * w.batch_size;
}

absl::StatusOr<std::unique_ptr<LearnerUnderTest>> LearnerUnderTest::Create(const SacWorkload& w,
                                                                           const How& how) {
  PolicyOptions policy;
  policy.obs_dim = w.obs_dim;
  policy.action_low.assign(static_cast<size_t>(w.action_dim), -1.0);
  policy.action_high.assign(static_cast<size_t>(w.action_dim), 1.0);
  policy.primitives = w.primitives;
  if (w.router) policy.head = HeadType::kMixture;
  SacOptions options = TestSacOptions();
  options.batch_size = w.batch_size;
  options.actor_lr = options.critic_lr = kStillLearningRate;
  options.quantiles = w.quantiles;
  options.dropped_quantiles = kDropped;
  options.quantile_critics = 2;
  options.critic_norm = w.layer_norm ? CriticNorm::kLayer : CriticNorm::kNone;
  options.threads = how.threads;
  options.step = how.step;
  options.device = how.device;
  if (w.batch_size == 256) {  // the official preset
    options.tune_alpha = true;
    options.target_entropy = -w.action_dim;
  }
  auto made = std::make_unique<LearnerUnderTest>();
  PMOE_ASSIGN_OR_RETURN(made->learner_, MakeSacLearner(options, MakePolicySpec(policy)));
  made->FillBatches(w);
  for (int i = 0; i < kWarmUpdates; ++i) PMOE_RETURN_IF_ERROR(made->Update());
  return made;
}

void LearnerUnderTest::FillBatches(const SacWorkload& w) {
  Rng rng(1, RngRole::kReplay, 0);
  for (int i = 0; i < kBatches; ++i) {
    Minibatch& batch = batches_.emplace_back(TableSpec{w.obs_dim, w.action_dim, 0}, w.batch_size);
    const size_t rows = static_cast<size_t>(w.batch_size);
    rng.FillNormal(batch.obs(), rows * w.obs_dim);
    rng.FillNormal(batch.next_obs(), rows * w.obs_dim);
    rng.FillNormal(batch.reward(), rows);
    for (size_t j = 0; j < rows * w.action_dim; ++j) {
      batch.action()[j] = 2.0f * rng.UniformFloat() - 1.0f;
    }
    for (size_t j = 0; j < rows; ++j) batch.discount()[j] = 0.99f;
  }
}

}  // namespace pmoe
