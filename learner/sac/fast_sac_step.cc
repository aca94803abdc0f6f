#include "learner/sac/fast_sac_step.h"

#include <cmath>
#include <limits>

#include "learner/kernels/mixture_stat_rows.h"
#include "learner/sac/sac_stats.h"

namespace pmoe {
namespace {

// Of phases_.
enum Phase : size_t { kCritic, kCriticGradient, kCriticStep, kPolicy, kPolicyGradient, kRest };

constexpr long kFlatGrain = 1024;  // of flat parameters: 4 KB

// Thread's share of `groups` times all tasks of a net, by their cost.
template <typename T, typename Function>
void ForTasks(const Net<T>& net, int groups, int thread, int threads, Function work) {
  long all = 0;
  for (long task = 0; task < net.tasks(); ++task) all += net.TaskCost(task);
  all *= groups;
  long before = 0;
  for (int group = 0; group < groups; ++group) {
    for (long task = 0; task < net.tasks(); ++task) {
      const long middle = before + net.TaskCost(task) / 2;
      if (middle * threads / all == thread) work(group, task);
      before += net.TaskCost(task);
    }
  }
}

}  // namespace

template <typename T>
bool FastSacStep<T>::Supports(const SacOptions& options, const PolicySpec& policy) {
  return policy.head != HeadType::kOption && !options.sgd && options.device == "cpu";
}

template <typename T>
FastSacStep<T>::FastSacStep(const SacOptions& options, const PolicySpec& policy, SacNets* nets)
    : nets_(*nets),
      passes_(options, policy, nets),
      team_(options.threads),
      critic_arrays_(Arrays(&nets->critics, &nets->critic_optimizer, &nets->targets)),
      actor_arrays_(Arrays(&nets->actor, &nets->actor_optimizer,
                           nets->actor_target ? &*nets->actor_target : nullptr)),
      stats_(SacStatNames(policy.primitives).size()),
      phases_({"critic", "critic_gradient", "critic_step", "policy", "policy_gradient", "rest"}) {
  for (int thread = 0; thread < options.threads; ++thread) {
    workers_.push_back(std::make_unique<SacWorker<T>>(&passes_));
    scratch_.emplace_back(static_cast<size_t>(kPanelColumns * options.batch_size));
  }
  Reload();
}

template <typename T>
AdamArrays<T> FastSacStep<T>::Arrays(FlatParameters* parameters, Optimizer* optimizer,
                                     FlatParameters* target) {
  return {parameters->values().data_ptr<T>(), parameters->gradient().data_ptr<T>(),
          optimizer->first().data_ptr<T>(), optimizer->second().data_ptr<T>(),
          target == nullptr ? nullptr : target->values().data_ptr<T>()};
}

template <typename T>
void FastSacStep<T>::Reload() {
  passes_.policy.Pack(0, 1);
  passes_.critics.Pack(0, 1);
  passes_.targets.Pack(0, 1);
  if (passes_.target_policy) passes_.target_policy->Pack(0, 1);
}

template <typename T>
absl::Span<const T> FastSacStep<T>::Step(const SacRows<T>& rows, const SacRowNoise<T>& noise) {
  phases_.Start();
  passes_.rows = rows;
  passes_.noise = noise;
  const T* const log_alpha = nets_.log_alpha.template data_ptr<T>();
  for (size_t m = 0; m < passes_.alpha.size(); ++m) {
    passes_.alpha[m] =
        passes_.options.tune_alpha ? std::exp(log_alpha[m]) : static_cast<T>(passes_.options.alpha);
  }
  critic_factors_ = AdamFactors<T>::From(nets_.critic_optimizer.NextAdam());
  actor_factors_ = AdamFactors<T>::From(nets_.actor_optimizer.NextAdam());
  critic_factors_.tau = actor_factors_.tau = static_cast<T>(passes_.options.tau);
  team_.Run([this](int thread) { Work(thread); });
  if (passes_.options.tune_alpha) StepAlpha();
  Summarise();
  phases_.End(kRest);
  return stats_;
}

// Between barriers threads write different rows, tasks or shares.
template <typename T>
void FastSacStep<T>::Work(int thread) {
  const long threads = team_.size();
  const auto flat = [&](long size) { return ShareOf(size, thread, threads, kFlatGrain); };
  ForRows(thread, &SacWorker<T>::CriticRows);
  End(thread, kCritic);
  WeightGradients(thread, passes_.critics, /*actions=*/true, passes_.critic_rows,
                  passes_.critic_gradients, critic_arrays_.gradient);
  End(thread, kCriticGradient);
  AdamStep(critic_factors_, critic_arrays_,
           flat(static_cast<long>(nets_.critics.layout().total())));
  team_.Barrier();
  passes_.critics.Pack(thread, threads);
  passes_.targets.Pack(thread, threads);
  End(thread, kCriticStep);
  ForRows(thread, &SacWorker<T>::PolicyRows);
  End(thread, kPolicy);
  WeightGradients(thread, passes_.policy, /*actions=*/false, passes_.policy_rows,
                  passes_.policy_gradients, actor_arrays_.gradient);
  End(thread, kPolicyGradient);
  const Share actor = flat(static_cast<long>(nets_.actor.layout().total()));
  if (TiedHeads* const tied = nets_.actor_optimizer.tied()) {
    tied->StepHeads(actor_factors_, actor_arrays_, ShareOf(tied->rows(), thread, threads));
    tied->StepOthers(actor_factors_, actor_arrays_, actor);
  } else {
    AdamStep(actor_factors_, actor_arrays_, actor);
  }
  team_.Barrier();
  passes_.policy.Pack(thread, threads);
  if (passes_.target_policy) passes_.target_policy->Pack(thread, threads);
}

template <typename T>
void FastSacStep<T>::End(int thread, size_t phase) {
  team_.Barrier();
  if (thread == 0) phases_.End(phase);
}

template <typename T>
void FastSacStep<T>::ForRows(int thread, void (SacWorker<T>::*pass)(int, Share)) {
  constexpr long kGrain = 4;
  SacWorker<T>& worker = *workers_[static_cast<size_t>(thread)];
  for (int member = 0; member < passes_.options.members; ++member) {
    (worker.*pass)(member, ShareOf(passes_.options.batch_size, thread, team_.size(), kGrain));
  }
}

template <typename T>
void FastSacStep<T>::WeightGradients(int thread, const Net<T>& net, bool actions,
                                     const std::vector<NetRows<T>>& rows,
                                     const std::vector<NetRows<T>>& gradients, T* to) {
  const int per_member = net.groups() / passes_.options.members;
  const int obs = passes_.obs_dim, action = passes_.action_dim;
  ForTasks(net, net.groups(), thread, team_.size(), [&](int group, long task) {
    const size_t g = static_cast<size_t>(group);
    const long batch = passes_.batch_row(group / per_member, 0);
    NetInput<T> input = {{{passes_.rows.obs + batch * obs, obs}, {}}};
    if (actions) input.parts[1] = {passes_.rows.action + batch * action, action};
    net.WeightGradient(group, task, input, passes_.options.batch_size, rows[g], gradients[g],
                       scratch_[static_cast<size_t>(thread)].data(), to);
  });
}

// Of the temperature loss -mean_B log_alpha (log pi + target_entropy), linear in log_alpha.
template <typename T>
void FastSacStep<T>::StepAlpha() {
  const long batch = passes_.options.batch_size;
  T* const gradient = nets_.log_alpha_gradient.template data_ptr<T>();
  for (int member = 0; member < passes_.options.members; ++member) {
    double sum = 0;
    for (long i = 0; i < batch; ++i) sum += static_cast<double>(passes_.stats(member, i)[kLogProb]);
    const double log_prob = sum / static_cast<double>(batch) - passes_.log_action_scale;
    gradient[member] = static_cast<T>(-(log_prob + passes_.options.target_entropy));
  }
  AdamStep(AdamFactors<T>::From(nets_.alpha_optimizer.NextAdam()),
           {nets_.log_alpha.template data_ptr<T>(), gradient,
            nets_.alpha_optimizer.first().template data_ptr<T>(),
            nets_.alpha_optimizer.second().template data_ptr<T>()},
           {0, passes_.options.members});
}

// Sums go row by row, whatever the threads.
template <typename T>
void FastSacStep<T>::Summarise() {
  const int K = passes_.own_primitives, width = SacRowStats(K);
  const long rows = long{passes_.options.members} * passes_.options.batch_size;
  const auto mean = [&](int stat) {
    double sum = 0;
    for (long i = 0; i < rows; ++i) sum += static_cast<double>(passes_.row_stats[i * width + stat]);
    return sum / static_cast<double>(rows);
  };
  double alpha = 0;
  for (const T a : passes_.alpha) alpha += static_cast<double>(a);
  size_t at = 0;
  const auto put = [&](double value) { stats_[at++] = static_cast<T>(value); };
  constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
  put(mean(kCriticLoss));
  put(mean(kPolicyLoss));
  put(mean(kRouterLoss));
  put(alpha / static_cast<double>(passes_.alpha.size()));
  put(passes_.log_action_scale - mean(kLogProb));
  put(mean(kQ));
  put(mean(kRouterEntropy));
  put(K > 1 ? mean(kDistance) : kUnknown);
  put(K > 1 ? mean(kLoserStd) : kUnknown);
  int dead = 0;
  for (int k = 0; k < K; ++k) dead += mean(kFirstWeight + k) < kDeadUsage ? 1 : 0;
  put(dead);
  for (int k = 0; k < 2 * K; ++k) put(mean(kFirstWeight + k));
}

template class FastSacStep<float>;
template class FastSacStep<double>;

}  // namespace pmoe
