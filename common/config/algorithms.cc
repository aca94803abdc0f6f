#include "common/config/algorithms.h"

#include <map>
#include <string>
#include <vector>

#include "common/base/check.h"
#include "common/config/rules.h"

namespace pmoe {
namespace {

constexpr int32_t k256x2[] = {256, 256};
constexpr int32_t k64x2[] = {64, 64};
constexpr int32_t k64x3[] = {64, 64, 64};
constexpr int32_t kMcpTrunk[] = {512, 256};
constexpr int32_t kMcpPrimitive[] = {256};
constexpr int32_t kMcpRouter[] = {512, 256, 256};

// Of the trunk, each primitive, the router, the critics or the value, and the Q-network.
constexpr HiddenUnits kSacUnits = {k256x2, {}, {}, k256x2, {}};
constexpr HiddenUnits kPpoUnits = {k64x2, {}, {}, k64x2, {}};
constexpr HiddenUnits kQnetUnits = {k64x2, {}, {}, k64x2, k64x3};
constexpr HiddenUnits kMcpSacUnits = {kMcpTrunk, kMcpPrimitive, kMcpRouter, k256x2, {}};
constexpr HiddenUnits kMcpPpoUnits = {kMcpTrunk, kMcpPrimitive, kMcpRouter, k64x2, {}};
constexpr HiddenUnits kDacUnits = {{}, k64x2, k64x2, k64x2, {}};

constexpr int32_t kMcpPrimitives = 8;
constexpr int32_t kDacOptions = 4;

// Whose gradient is meant to pass through the router.
constexpr char kTrunkRouter[] = R"pb(policy { router_input: "trunk" })pb";
constexpr char kMarginalSettings[] = R"pb(
  policy { router_input: "trunk" }
  learner { target: "expected" entropy: "mixture" }
)pb";
constexpr char kJointRatio[] = R"pb(
  policy { router_input: "trunk" }
  learner { ppo_ratio: "joint" }
)pb";
// What was nearest to PPO, on tasks and seeds other than those that it was found on, and what arXiv
// 2104.09122 and its third author's code have: docs/algorithms/pmoe_ppo.md, "Measured".
constexpr char kTiedByAdvantage[] = R"pb(
  policy { heads: "tied" }
  learner { rank_by: "advantage" }
)pb";
constexpr char kPublishedPpo[] = R"pb(
  policy { heads: "separate" }
  learner { rank_by: "action_q" }
)pb";
// Its gate and its std are networks.
constexpr char kMcpSettings[] = R"pb(policy { router_input: "obs" std: "state" })pb";
// Zhang & Whiteson 2019: their own networks, five epochs, an entropy bonus for the options.
constexpr char kDacSettings[] = R"pb(
  policy { hidden_gain: 1 head_gain: 1e-3 mean_activation: "tanh" log_std_init: 0 }
  learner {
    epochs: 5
    entropy_coef: 0.01
    adam_epsilon: 1e-5
    value_net: "separate"
    value_coef: 1
    value_gain: 1e-3
  }
)pb";
// The authors' public code (docs/algorithms/pmoe_sac.md).
constexpr char kOfficialRouter[] = R"pb(learner { freq_reduction: "mean" })pb";

using enum Family;
using enum HeadType;
using enum Estimator;

constexpr Algorithm kAlgorithms[] = {
    {"sac", kSac, kGaussian, kFrequency, 1, &kSacUnits},
    {"pmoe_sac", kSac, kMixture, kFrequency, kPaperPrimitives, &kSacUnits, "", kOfficialRouter},
    {"gating_sac", kSac, kGating, kFrequency, kPaperPrimitives, &kSacUnits, kTrunkRouter},
    {"mcp_sac", kSac, kMcp, kFrequency, kMcpPrimitives, &kMcpSacUnits, kMcpSettings},
    {"pmoe_gumbel_sac", kSac, kMixture, kGumbel, kPaperPrimitives, &kSacUnits, kTrunkRouter},
    {"pmoe_reinforce_sac", kSac, kMixture, kReinforce, kPaperPrimitives, &kSacUnits, kTrunkRouter},
    {"mrp_sac", kSac, kMixture, kMarginal, kPaperPrimitives, &kSacUnits, kMarginalSettings},
    {"ppo", kPpo, kGaussian, kFrequency, 1, &kPpoUnits},
    {"pmoe_ppo", kPpo, kMixture, kFrequency, kPaperPrimitives, &kQnetUnits, kTiedByAdvantage, "",
     kPublishedPpo},
    {"gating_ppo", kPpo, kGating, kFrequency, kPaperPrimitives, &kPpoUnits, kTrunkRouter},
    {"mcp_ppo", kPpo, kMcp, kFrequency, kMcpPrimitives, &kMcpPpoUnits, kMcpSettings},
    {"pmoe_gumbel_ppo", kPpo, kMixture, kGumbel, kPaperPrimitives, &kPpoUnits, kTrunkRouter},
    {"pmoe_reinforce_ppo", kPpo, kMixture, kReinforce, kPaperPrimitives, &kPpoUnits, kJointRatio},
    {"dac", kPpo, kOption, kFrequency, kDacOptions, &kDacUnits, kDacSettings},
};

using Table = std::map<std::string, int32_t, std::less<>>;

// Figs 1 and 2 of arXiv 2104.09122; target-reaching: two primitives in Fig 3.
const Table& PaperPrimitives(Family family) {
  static const Table sac = {
      {"HalfCheetah", 2}, {"Humanoid", 10}, {"HumanoidStandup", 10}, {"TargetReaching", 2}};
  static const Table ppo = {
      {"Ant", 16},     {"Hopper", 12},     {"Walker2d", 4},      {"HumanoidStandup", 4},
      {"Humanoid", 8}, {"HalfCheetah", 8}, {"TargetReaching", 2}};
  return family == kPpo ? ppo : sac;
}

constexpr int32_t kOtherTasks = 4;

const Algorithm* Find(absl::string_view name) {
  for (const Algorithm& algorithm : kAlgorithms) {
    if (algorithm.name == name) return &algorithm;
  }
  return nullptr;
}

}  // namespace

absl::Span<const Algorithm> Algorithms() { return kAlgorithms; }

std::vector<std::string> AlgorithmNames() {
  std::vector<std::string> names;
  for (const Algorithm& algorithm : kAlgorithms) names.emplace_back(algorithm.name);
  return names;
}

absl::StatusOr<const Algorithm*> FindAlgorithm(absl::string_view name) {
  if (const Algorithm* found = Find(name); found != nullptr) return found;
  return NotAChoice("algorithm", AlgorithmNames(), name);
}

const Algorithm& AlgorithmNamed(absl::string_view name) {
  const Algorithm* found = Find(name);
  PMOE_CHECK(found != nullptr);
  return *found;
}

int32_t DefaultPrimitives(const Algorithm& algorithm, absl::string_view env_id) {
  if (algorithm.primitives != kPaperPrimitives) return algorithm.primitives;
  const Table& table = PaperPrimitives(algorithm.family);
  const auto found = table.find(env_id.substr(0, env_id.find("-v")));
  return found == table.end() ? kOtherTasks : found->second;
}

}  // namespace pmoe
