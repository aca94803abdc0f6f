#include "learner/ppo/dac_update.h"

#include <array>
#include <utility>

#include "ATen/TensorOperators.h"
#include "ATen/ops/cat.h"
#include "ATen/ops/from_blob.h"
#include "ATen/ops/zeros.h"
#include "c10/core/GradMode.h"
#include "learner/nets/mixture_stats.h"
#include "learner/ppo/minibatches.h"
#include "learner/ppo/ppo_loss.h"
#include "learner/ppo/ppo_nets.h"

namespace pmoe {
namespace {

constexpr double kProbabilityMin = 1e-5;  // of an option, before the logarithm
// The published code adds this to the action's density before its logarithm.
constexpr double kCompatDensity = 1e-5;

std::vector<std::string> MakeStatNames(int options) {
  std::vector<std::string> names = {"actor_loss", "critic_loss",       "router_loss",
                                    "approx_kl",  "clip_fraction",     "grad_norm",
                                    "entropy",    "option_termination"};
  const std::vector<std::string> mixture = MixtureStatNames(options);
  names.insert(names.end(), mixture.begin(), mixture.end());
  names.push_back("learning_rate");
  return names;
}

at::Tensor At(const at::Tensor& x, const at::Tensor& index) {
  return x.gather(2, index.unsqueeze(2)).squeeze(2);
}

DacBatch Select(const DacBatch& all, const at::Tensor& rows) {
  const auto part = [&](const at::Tensor& x) { return x.index_select(1, rows); };
  return {part(all.obs),   part(all.action),       part(all.option),    part(all.before),
          part(all.start), part(all.old_log_prob), part(all.advantage), part(all.returns)};
}

// H(pi_hat), mean over the batch.
at::Tensor OptionEntropy(const at::Tensor& pi_hat) {
  return -(pi_hat * pi_hat.clamp_min(kProbabilityMin).log()).sum(2).mean(1);
}

}  // namespace

DacUpdate::DacUpdate(const PpoOptions& options, const PolicySpec& policy, const at::Device& device)
    : options_(options),
      nets_(options, policy, policy.primitives, device),
      device_(device),
      stat_names_(MakeStatNames(policy.primitives)) {}

// log pi_hat(o | s, o-), or log pi_bar(a | s, o).
at::Tensor DacUpdate::LogProb(DacMdp mdp, const MixtureHeads& heads, const DacBatch& batch) const {
  if (mdp == DacMdp::kHigh) {
    const at::Tensor pi_hat =
        OptionProbabilities(heads, batch.before, batch.start, options_.dac_compat);
    return At(pi_hat, batch.option).clamp_min(kProbabilityMin).log();
  }
  const at::Tensor log_n = At(ComponentLogProbs(heads, batch.action), batch.option);
  return options_.dac_compat ? (log_n.exp() + kCompatDensity).log() : log_n;
}

// v_hat = sum_o pi_hat(o) q_o, whose weights have no gradient, or v_bar = q_o.
at::Tensor DacUpdate::Value(DacMdp mdp, const MixtureHeads& heads, const at::Tensor& q,
                            const DacBatch& batch) const {
  if (mdp == DacMdp::kLow) return At(q, batch.option);
  const at::Tensor pi_hat =
      OptionProbabilities(heads, batch.before, batch.start, options_.dac_compat);
  return (pi_hat.detach() * q).sum(2);
}

DacBatch DacUpdate::WholeRollout(const PreparedRollout& rollout) const {
  const PolicySpec& spec = nets_.net().spec();
  const auto column = [&](const char* name) {
    return rollout.extra.select(2, spec.ColumnIndex(name));
  };
  DacBatch all;
  all.obs = rollout.obs;
  all.action = rollout.action;
  all.option = column(kColumnComponent).to(at::kLong);
  all.before = column(kColumnOptionBefore).to(at::kLong);
  all.start = column(kColumnEpisodeStart);
  return all;
}

// Both MDPs go on with sum_o pi_hat(o | s_T, o_{T-1}) q_o(s_T): no option was drawn there. [M, S]
at::Tensor DacUpdate::BootstrapValues(const PreparedRollout& rollout, const DacBatch& all) const {
  std::vector<int64_t> last;
  for (const RolloutSegment& segment : rollout.raw->segments) {
    last.push_back(segment.start + segment.length - 1);
  }
  const at::Tensor rows =
      at::from_blob(last.data(), {static_cast<int64_t>(last.size())}, at::kLong).to(device_);
  DacBatch end;
  end.before = all.option.index_select(1, rows);
  end.start = at::zeros(end.before.sizes(), all.obs.options());
  const MixtureHeads heads = nets_.Heads(rollout.bootstrap_obs, /*train=*/false);
  return Value(DacMdp::kHigh, heads, nets_.Values(heads, rollout.bootstrap_obs, false), end);
}

std::vector<float> DacUpdate::SetTargets(DacMdp mdp, const PreparedRollout& rollout,
                                         DacBatch* batch) const {
  const c10::AutoGradMode no_grad(false);
  const MixtureHeads heads = nets_.Heads(rollout.obs, /*train=*/false);
  if (options_.behavior_log_prob) {
    const PolicySpec& spec = nets_.net().spec();
    const auto column = [&](const char* name) {
      return rollout.extra.select(2, spec.ColumnIndex(name));
    };
    const at::Tensor low = column(kColumnComponentLogProb);
    batch->old_log_prob = mdp == DacMdp::kLow ? low : column(kColumnJointLogProb) - low;
  } else {
    batch->old_log_prob = LogProb(mdp, heads, *batch);
  }
  const at::Tensor q = nets_.Values(heads, rollout.obs, /*train=*/false);
  RolloutTargets targets =
      TargetsOf(options_, rollout, Value(mdp, heads, q, *batch), BootstrapValues(rollout, *batch),
                options_.advantage_norm != AdvantageNorm::kNone);
  batch->advantage = targets.advantage;
  batch->returns = targets.returns;
  return std::move(targets.reward_returns);
}

at::Tensor DacUpdate::Step(DacMdp mdp, const DacBatch& batch, double lr_factor) {
  const MixtureHeads heads = nets_.Heads(batch.obs, /*train=*/true);
  const at::Tensor log_prob = LogProb(mdp, heads, batch);
  const at::Tensor surrogate =
      ClippedSurrogate(log_prob, batch.old_log_prob, batch.advantage, options_.clip);
  const at::Tensor value = Value(mdp, heads, nets_.Values(heads, batch.obs, true), batch);
  const at::Tensor value_loss = ValueLoss(value, value, batch.returns, /*clip=*/0.0);
  at::Tensor loss = surrogate + value_loss * options_.value_coef;
  if (mdp == DacMdp::kHigh && options_.entropy_coef > 0.0) {
    loss = loss - OptionEntropy(
                      OptionProbabilities(heads, batch.before, batch.start, options_.dac_compat)) *
                      options_.entropy_coef;
  }
  loss.sum().backward();
  const at::Tensor norm = nets_.Step(lr_factor);
  return at::cat({surrogate.detach(), value_loss.detach(),
                  RatioStats(log_prob, batch.old_log_prob, options_.clip), norm});
}

// Entropy of pi_hat, how often options end, then MixtureStats of the master.
at::Tensor DacUpdate::MixtureOf(const DacBatch& all) const {
  const c10::AutoGradMode no_grad(false);
  const MixtureHeads heads = nets_.Heads(all.obs, /*train=*/false);
  const at::Tensor pi_hat = OptionProbabilities(heads, all.before, all.start, options_.dac_compat);
  return at::cat({OptionEntropy(pi_hat), At(heads.beta, all.before).mean(1),
                  MixtureStats(heads, at::Tensor())});
}

LearnedRollout DacUpdate::Learn(const PreparedRollout& rollout, double progress,
                                const RolloutRngs& rngs) {
  DacBatch high = WholeRollout(rollout), low = high;
  LearnedRollout learned;
  learned.returns = SetTargets(DacMdp::kHigh, rollout, &high);
  SetTargets(DacMdp::kLow, rollout, &low);
  std::array<DacMdp, 2> mdps = {DacMdp::kHigh, DacMdp::kLow};
  if (rngs.noise->UniformFloat() < 0.5f) std::swap(mdps[0], mdps[1]);
  const int64_t rows = high.obs.size(1), batches = rows / options_.batch_size;
  const double lr_factor = LearningRateFactor(options_, progress);
  std::array<at::Tensor, 2> sums;  // of kHigh, of kLow
  for (const DacMdp mdp : mdps) {
    at::Tensor& sum = sums[static_cast<size_t>(mdp)];
    for (int epoch = 0; epoch < options_.epochs; ++epoch) {
      std::vector<int64_t> order = Shuffled(rows, rngs.shuffle);
      const at::Tensor index = at::from_blob(order.data(), {rows}, at::kLong).to(device_);
      for (int64_t b = 0; b < batches; ++b) {
        const at::Tensor part = index.narrow(0, b * options_.batch_size, options_.batch_size);
        const at::Tensor stats =
            Step(mdp, Select(mdp == DacMdp::kHigh ? high : low, part), lr_factor);
        sum = sum.defined() ? sum + stats : stats;
      }
    }
  }
  learned.updates = 2 * batches * options_.epochs;
  const double steps = static_cast<double>(batches * options_.epochs);
  // The low MDP's, with the high one's surrogate as the router's loss; its value loss shows if any
  // of both is not finite.
  const at::Tensor low_stats = sums[1] / steps, high_stats = sums[0] / steps;
  const std::vector<float> means = ToFloats(
      at::cat({low_stats.narrow(0, 0, 1), low_stats.narrow(0, 1, 1) + high_stats.narrow(0, 1, 1),
               high_stats.narrow(0, 0, 1), low_stats.narrow(0, 2, 3), MixtureOf(high)}));
  learned.stats.assign(means.begin(), means.end());
  learned.stats.push_back(options_.learning_rate * lr_factor);
  return learned;
}

void DacUpdate::SaveState(ByteWriter* out) const { nets_.SaveState(out); }

absl::Status DacUpdate::LoadState(ByteReader* in) { return nets_.LoadState(in); }

}  // namespace pmoe
