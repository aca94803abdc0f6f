#include "learner/ppo/ppo_state.h"

#include "learner/nets/critic_net.h"
#include "learner/nets/init.h"
#include "learner/nets/mixture_stats.h"
#include "learner/nets/mlp.h"
#include "learner/nets/tensor_io.h"
#include "learner/ppo/ppo_nets.h"

namespace pmoe {
namespace {

constexpr uint32_t kQnetStreams = 2000;  // of kInit: layer i of the Q-network draws from 2000 + i

// Q(s, a), or Q_k(s) of all primitives.
std::vector<DenseLayer> QnetLayers(const PpoOptions& options, const PolicySpec& policy) {
  const int width = options.qnet_reads_trunk ? TrunkWidth(policy) : policy.obs_dim;
  if (options.rank_by != RankBy::kArmQ) {
    return CriticLayers(width, policy.action_dim, options.qnet_hidden);
  }
  return MlpWithHead("q", width, options.qnet_hidden, policy.primitives, Activation::kRelu);
}

}  // namespace

PpoState::PpoState(const PpoOptions& options, const PolicySpec& policy, const at::Device& device,
                   at::ScalarType type)
    : nets_(options, policy, /*values=*/1, device, type),
      qnet_layers_(QnetLayers(options, policy)) {
  if (!options.frequency_loss || options.rank_by == RankBy::kAdvantage) return;
  qnet_.emplace(qnet_layers_, 1, 1, device, type);
  InitUniformFanIn(options.seed, kQnetStreams, &*qnet_);
  qnet_optimizer_.emplace(OptimizerOptions{options.qnet_learning_rate, options.adam_epsilon},
                          qnet_->values());
}

void PpoState::SaveState(ByteWriter* out) const {
  nets_.SaveState(out);
  if (!qnet_) return;
  SaveTensor(qnet_->values(), out);
  qnet_optimizer_->SaveState(out);
}

absl::Status PpoState::LoadState(ByteReader* in) {
  absl::Status status = nets_.LoadState(in);
  if (!qnet_) return status;
  if (status.ok()) status = LoadTensor(in, &qnet_->values());
  if (status.ok()) status = qnet_optimizer_->LoadState(in);
  return status;
}

std::vector<std::string> PpoStatNames(int primitives) {
  std::vector<std::string> names = {"actor_loss", "critic_loss",   "router_loss", "qnet_loss",
                                    "approx_kl",  "clip_fraction", "grad_norm",   "entropy"};
  const std::vector<std::string> mixture = MixtureStatNames(primitives);
  names.insert(names.end(), mixture.begin(), mixture.end());
  names.insert(names.end(), {"explained_variance", "learning_rate"});
  return names;
}

std::vector<std::string> PpoPhaseNames() {
  return {"targets", "loss", "router_loss", "gradient", "step", "qnet", "rest"};
}

double GumbelTau(const PpoOptions& options, double progress) {
  return options.gumbel_tau + progress * (options.gumbel_tau_end - options.gumbel_tau);
}

}  // namespace pmoe
