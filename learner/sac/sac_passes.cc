#include "learner/sac/sac_passes.h"

namespace pmoe {
namespace {

int LivePerRow(const SacOptions& options, int primitives) {
  const bool one =
      options.estimator == Estimator::kReinforce || options.estimator == Estimator::kGumbel ||
      (options.estimator == Estimator::kFrequency &&
       options.primitive_backprop == PrimitiveBackprop::kMax && options.loser_weight == 0.0);
  return one ? 1 : primitives;
}

template <typename T>
std::vector<NetRows<T>> RowsFor(const NetPlan& plan, int groups, long rows) {
  std::vector<NetRows<T>> all;
  for (int group = 0; group < groups; ++group) all.emplace_back(plan, rows);
  return all;
}

NetOptions CriticOptions(bool trained) {
  NetOptions options;
  options.trained = trained;
  if (trained) options.differentiated = 1;  // the action
  return options;
}

}  // namespace

template <typename T>
SacPasses<T>::SacPasses(const SacOptions& of, const PolicySpec& spec, SacNets* nets)
    : options(of),
      obs_dim(spec.obs_dim),
      action_dim(spec.action_dim),
      primitives(spec.components()),
      own_primitives(spec.primitives),
      critics_per_member(nets->critics.layout().copies()),
      live_per_row(LivePerRow(of, spec.components())),
      log_action_scale(LogActionScale(of, spec)),
      composition(CompositionOf(spec)),
      policy_plan(spec.layers, {{spec.obs_dim}, of.router_detached}),
      critic_plan(nets->critic_layers, {{spec.obs_dim, spec.action_dim}, false, of.layer_norm()}),
      own_heads(policy_plan, spec),
      heads(composition ? HeadColumns(1, spec.action_dim) : own_heads),
      q_node(critic_plan.Find("q_out").node),
      policy(policy_plan, nets->actor.layout(), nets->actor.values().data_ptr<T>(), {}),
      critics(critic_plan, nets->critics.layout(), nets->critics.values().data_ptr<T>(),
              CriticOptions(/*trained=*/true)),
      targets(critic_plan, nets->targets.layout(), nets->targets.values().data_ptr<T>(),
              CriticOptions(/*trained=*/false)) {
  const int members = of.members, groups = of.members * critics_per_member;
  const long batch = of.batch_size;
  if (nets->actor_target) {
    target_policy.emplace(policy_plan, nets->actor.layout(),
                          nets->actor_target->values().data_ptr<T>(),
                          CriticOptions(/*trained=*/false));
  }
  policy_rows = RowsFor<T>(policy_plan, members, batch);
  policy_gradients = RowsFor<T>(policy_plan, members, batch);
  critic_rows = RowsFor<T>(critic_plan, groups, batch);
  critic_gradients = RowsFor<T>(critic_plan, groups, batch);
  ranked_rows = RowsFor<T>(critic_plan, groups, batch * primitives);
  ranked_gradients = RowsFor<T>(critic_plan, groups, batch * live_per_row);
  row_stats.resize(static_cast<size_t>(members * batch * SacRowStats(own_primitives)));
  row_errors.resize(static_cast<size_t>(members * batch));
  alpha.resize(static_cast<size_t>(members));
}

template struct SacPasses<float>;
template struct SacPasses<double>;

}  // namespace pmoe
