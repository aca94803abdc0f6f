// All that PPO learns, whichever edition of the step moves it (PpoUpdate by autograd, FastPpoUpdate
// by hand): policy, value, PMOE's Q-network, and their optimisers. So a checkpoint of one continues
// in the other. Thread-compatible.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "learner/ppo/actor_critic.h"

namespace pmoe {

class PpoState {
 public:
  // `type`: float, or double for tests, which cannot be saved.
  PpoState(const PpoOptions& options, const PolicySpec& policy, const at::Device& device,
           at::ScalarType type = at::kFloat);

  ActorCritic& nets() { return nets_; }
  const ActorCritic& nets() const { return nets_; }
  bool has_qnet() const { return qnet_.has_value(); }  // PMOE's ranking asks for it
  const std::vector<DenseLayer>& qnet_layers() const { return qnet_layers_; }
  FlatParameters& qnet() { return *qnet_; }
  const FlatParameters& qnet() const { return *qnet_; }
  Optimizer& qnet_optimizer() { return *qnet_optimizer_; }

  void SaveState(ByteWriter* out) const;
  absl::Status LoadState(ByteReader* in);

 private:
  ActorCritic nets_;
  std::vector<DenseLayer> qnet_layers_;
  std::optional<FlatParameters> qnet_;
  std::optional<Optimizer> qnet_optimizer_;
};

// Of both editions, in the order of LearnedRollout::stats: kPpoLosses means over all minibatches,
// the entropy and MixtureStatNames over the last epoch's, explained_variance, learning_rate.
std::vector<std::string> PpoStatNames(int primitives);
inline constexpr size_t kPpoLosses = 7;

// Phases of a rollout's learning, for PhaseClock.
enum PpoPhase : size_t { kTargets, kLoss, kRouterLoss, kGradient, kStep, kQnet, kRest };
std::vector<std::string> PpoPhaseNames();

// Temperature of the Gumbel-softmax at this share of the run.
double GumbelTau(const PpoOptions& options, double progress);

}  // namespace pmoe
