#include "learner/ppo/ppo_update.h"

#include <utility>

#include "ATen/TensorOperators.h"
#include "ATen/ops/cat.h"
#include "ATen/ops/empty.h"
#include "ATen/ops/from_blob.h"
#include "ATen/ops/one_hot.h"
#include "ATen/ops/stack.h"
#include "ATen/ops/zeros.h"
#include "c10/core/GradMode.h"
#include "learner/losses.h"
#include "learner/nets/mixture_stats.h"
#include "learner/nets/mlp.h"
#include "learner/ppo/minibatches.h"
#include "learner/ppo/ppo_loss.h"
#include "learner/ppo/ppo_nets.h"

namespace pmoe {
namespace {

// Var(R) and Var(R - V), [2].
at::Tensor Variances(const at::Tensor& value, const at::Tensor& returns) {
  return at::stack({returns.var(/*unbiased=*/false), (returns - value).var(/*unbiased=*/false)});
}

// 1 - Var(R - V) / Var(R): how much of the returns the values knew.
double ExplainedVariance(double all, double unexplained) {
  return 1.0 - unexplained / (all + 1e-12);
}

PpoBatch Narrow(const PpoBatch& all, int64_t begin, int64_t rows) {
  const auto part = [&](const at::Tensor& x) { return x.defined() ? x.narrow(1, begin, rows) : x; };
  return {part(all.obs),       part(all.action),    part(all.component), part(all.old_log_prob),
          part(all.old_value), part(all.advantage), part(all.returns)};
}

PpoBatch Reorder(const PpoBatch& all, const at::Tensor& order) {
  const auto rows = [&](const at::Tensor& x) { return x.defined() ? x.index_select(1, order) : x; };
  return {rows(all.obs),       rows(all.action),    rows(all.component), rows(all.old_log_prob),
          rows(all.old_value), rows(all.advantage), rows(all.returns)};
}

}  // namespace

PpoUpdate::PpoUpdate(const PpoOptions& options, const PolicySpec& policy, const at::Device& device,
                     at::ScalarType type)
    : options_(options),
      state_(options, policy, device, type),
      qnet_net_(state_.qnet_layers()),
      stat_names_(PpoStatNames(policy.primitives)),
      phases_(PpoPhaseNames()) {}

bool PpoUpdate::reads_component() const {
  return policy_net().spec().ColumnIndex(kColumnComponent) >= 0;
}

at::Tensor PpoUpdate::Values(const at::Tensor& obs) const {
  const c10::AutoGradMode no_grad(false);
  MixtureHeads heads;
  if (state_.nets().value_reads_trunk()) heads = state_.nets().Heads(obs, /*train=*/false);
  return state_.nets().Values(heads, obs, /*train=*/false).squeeze(2);
}

// y of kGumbel is drawn anew for every minibatch.
at::Tensor PpoUpdate::LogProb(const MixtureHeads& heads, const PpoBatch& batch, double progress,
                              Rng* noise) const {
  MixtureHeads of = heads;
  if (options_.frequency_loss && options_.router_grad == RouterGrad::kFrequency) {
    of.router_logits = of.router_logits.detach();
  }
  at::Tensor y;
  if (options_.ratio == RatioOf::kGumbel && of.router_logits.defined()) {
    at::Tensor uniform = at::empty(of.router_logits.sizes(), at::kFloat);
    float* const u = uniform.data_ptr<float>();
    for (int64_t i = 0; i < uniform.numel(); ++i) u[i] = noise->UniformFloat();
    y = PosteriorGumbelWeights(of.router_logits, batch.component,
                               uniform.to(of.router_logits.options()),
                               GumbelTau(options_, progress), /*hard=*/true);
  }
  return RatioLogProb(options_.ratio, of, ComponentLogProbs(of, batch.action), batch.component, y);
}

// With hard Gumbel weights the value is that of the component that acted, whatever is drawn.
at::Tensor PpoUpdate::OldLogProb(const PreparedRollout& rollout,
                                 const at::Tensor& component) const {
  const c10::AutoGradMode no_grad(false);
  const MixtureHeads heads = state_.nets().Heads(rollout.obs, /*train=*/false);
  const RatioOf ratio = options_.ratio == RatioOf::kGumbel ? RatioOf::kComponent : options_.ratio;
  return RatioLogProb(ratio, heads, ComponentLogProbs(heads, rollout.action), component, {});
}

PpoBatch PpoUpdate::WholeRollout(const PreparedRollout& rollout) const {
  PpoBatch all;
  all.obs = rollout.obs;
  all.action = rollout.action;
  const PolicySpec& spec = policy_net().spec();
  if (reads_component()) {
    all.component = rollout.extra.select(2, spec.ColumnIndex(kColumnComponent)).to(at::kLong);
  }
  all.old_log_prob = options_.behavior_log_prob
                         ? rollout.extra.select(2, spec.ColumnIndex(LogProbColumn(options_.ratio)))
                         : OldLogProb(rollout, all.component);
  return all;
}

// By the value net as it is.
std::vector<float> PpoUpdate::SetTargets(const PreparedRollout& rollout, PpoBatch* batch) const {
  batch->old_value = Values(rollout.obs);
  RolloutTargets targets =
      TargetsOf(options_, rollout, batch->old_value, Values(rollout.bootstrap_obs),
                options_.advantage_norm == AdvantageNorm::kRollout);
  batch->advantage = targets.advantage;
  batch->returns = targets.returns;
  return std::move(targets.reward_returns);
}

LearnedRollout PpoUpdate::Learn(const PreparedRollout& rollout, double progress,
                                const RolloutRngs& rngs) {
  phases_.Start();
  PpoBatch all = WholeRollout(rollout);
  LearnedRollout learned;
  learned.returns = SetTargets(rollout, &all);
  const at::Tensor variances = Variances(all.old_value, all.returns);
  const int64_t rows = all.obs.size(1), batches = rows / options_.batch_size;
  at::Tensor losses, mixture;
  phases_.End(kTargets);
  for (int epoch = 0; epoch < options_.epochs; ++epoch) {
    phases_.End(kRest);
    if (epoch > 0 && options_.recompute_advantage) SetTargets(rollout, &all);
    phases_.End(kTargets);
    std::vector<int64_t> order = Shuffled(rows, rngs.shuffle);
    const PpoBatch mixed =
        Reorder(all, at::from_blob(order.data(), {rows}, at::kLong).to(all.obs.device()));
    for (int64_t b = 0; b < batches; ++b) {
      const bool last = epoch + 1 == options_.epochs;
      const StepStats stats = Step(Narrow(mixed, b * options_.batch_size, options_.batch_size),
                                   progress, last, rngs.noise);
      losses = losses.defined() ? losses + stats.losses : stats.losses;
      if (last) mixture = mixture.defined() ? mixture + stats.mixture : stats.mixture;
    }
  }
  learned.updates = batches * options_.epochs;
  const std::vector<float> means =
      ToFloats(at::cat({losses / static_cast<double>(learned.updates),
                        mixture / static_cast<double>(batches), variances}));
  learned.stats.assign(means.begin(), means.end() - 2);
  learned.stats.push_back(ExplainedVariance(means.end()[-2], means.end()[-1]));
  learned.stats.push_back(options_.learning_rate * LearningRateFactor(options_, progress));
  return learned;
}

// Q(s, a_k) of a_k ~ N_k (Eq. 12 with this Q in the place of the critic), or Q_k(s).
at::Tensor PpoUpdate::Scores(const MixtureHeads& heads, const at::Tensor& obs, Rng* noise) const {
  const c10::AutoGradMode no_grad(false);
  const at::Tensor& input = options_.qnet_reads_trunk ? heads.trunk : obs;
  if (options_.rank_by == RankBy::kAdvantage) return {};
  if (options_.rank_by == RankBy::kArmQ) {
    return Mlp(state_.qnet(), state_.qnet_layers(), input, /*train=*/false);
  }
  at::Tensor eps = at::empty(heads.mean.sizes(), at::kFloat);
  noise->FillNormal(eps.data_ptr<float>(), static_cast<size_t>(eps.numel()));
  const at::Tensor action = heads.mean + heads.log_std.exp() * eps.to(heads.mean.options());
  return qnet_net_.Forward(state_.qnet(), input, action, /*train=*/false).squeeze(1);
}

// Towards the winner, the tilted weights, or the primitive that acted where that was good.
at::Tensor PpoUpdate::RouterLossTerm(const MixtureHeads& heads, const PpoBatch& batch,
                                     const at::Tensor& scores) const {
  const at::Tensor w = heads.RouterWeights(), log_w = heads.LogRouterWeights();
  at::Tensor target, counts;
  if (options_.router_target == RouterTarget::kSoftmax) {
    target = (log_w.detach() + scores / options_.router_target_tau).softmax(2);
  } else {
    const at::Tensor chosen = scores.defined() ? scores.argmax(2) : batch.component;
    target = at::one_hot(chosen, w.size(2)).to(w.dtype());
    if (!scores.defined()) counts = batch.advantage.gt(0).to(w.dtype());
  }
  if (options_.freq_cross_entropy) return RouterCrossEntropyTo(log_w, target, counts);
  return FrequencyLossTo(w, target, counts, options_.freq_mean);
}

// Q(s, a), or Q_k(s) of the primitive that acted, on the returns; its gradient does not reach the
// policy.
at::Tensor PpoUpdate::StepQnet(const MixtureHeads& heads, const PpoBatch& batch, double lr_factor) {
  const at::Tensor input = options_.qnet_reads_trunk ? heads.trunk.detach() : batch.obs;
  at::Tensor q;
  if (options_.rank_by == RankBy::kArmQ) {
    q = Mlp(state_.qnet(), state_.qnet_layers(), input, /*train=*/true)
            .gather(2, batch.component.unsqueeze(2))
            .squeeze(2);
  } else {
    q = qnet_net_.Forward(state_.qnet(), input, batch.action.unsqueeze(2), /*train=*/true)
            .squeeze(3)
            .squeeze(1);
  }
  const at::Tensor loss = (q - batch.returns).square().mean(1);
  loss.sum().backward();
  at::Tensor& gradient = state_.qnet().gradient();
  const double scale = ClipGradient(options_, {&gradient}).scale;
  state_.qnet_optimizer().Step(&state_.qnet().values(), &gradient, {lr_factor, scale});
  return loss.detach();
}

PpoUpdate::StepStats PpoUpdate::Step(const PpoBatch& batch, double progress, bool last_epoch,
                                     Rng* noise) {
  const MixtureHeads heads = state_.nets().Heads(batch.obs, /*train=*/true);
  const at::Tensor log_prob = LogProb(heads, batch, progress, noise);
  const at::Tensor advantage =
      options_.advantage_norm == AdvantageNorm::kMinibatch
          ? (batch.advantage - batch.advantage.mean()) / (batch.advantage.std() + 1e-8)
          : batch.advantage;
  const at::Tensor surrogate =
      ClippedSurrogate(log_prob, batch.old_log_prob, advantage, options_.clip);
  const at::Tensor value_loss =
      ValueLoss(state_.nets().Values(heads, batch.obs, /*train=*/true).squeeze(2), batch.old_value,
                batch.returns, options_.value_clip ? options_.clip : 0.0);
  at::Tensor loss = surrogate + value_loss * options_.value_coef;
  if (options_.entropy_coef > 0.0) loss = loss - PolicyEntropy(heads) * options_.entropy_coef;
  phases_.End(kLoss);
  at::Tensor best, router_loss = at::zeros({1}, surrogate.options());
  if (options_.frequency_loss) {
    const at::Tensor scores = Scores(heads, batch.obs, noise);
    if (scores.defined()) best = scores.argmax(2);
    PpoBatch ranked = batch;
    ranked.advantage = advantage;
    router_loss = RouterLossTerm(heads, ranked, scores);
    loss = loss + router_loss * options_.freq_coef;
  }
  if (options_.router_entropy_min > 0.0 && heads.router_logits.defined()) {
    const double floor = RouterEntropyFloor(options_, policy_net().spec().primitives);
    loss = loss + RouterEntropyLack(heads.LogRouterWeights(), heads.RouterWeights(), floor) *
                      options_.router_entropy_coef;
  }
  phases_.End(kRouterLoss);
  loss.sum().backward();
  phases_.End(kGradient);
  const double lr_factor = LearningRateFactor(options_, progress);
  const at::Tensor norm = state_.nets().Step(lr_factor);
  phases_.End(kStep);
  const at::Tensor qnet_loss =
      state_.has_qnet() ? StepQnet(heads, batch, lr_factor) : at::zeros({1}, surrogate.options());
  phases_.End(kQnet);

  const c10::AutoGradMode no_grad(false);
  StepStats stats;
  stats.losses = at::cat({surrogate.detach(), value_loss.detach(), router_loss.detach(), qnet_loss,
                          RatioStats(log_prob, batch.old_log_prob, options_.clip), norm});
  if (last_epoch) stats.mixture = at::cat({PolicyEntropy(heads), MixtureStats(heads, best)});
  phases_.End(kRest);
  return stats;
}

}  // namespace pmoe
