// What is said about a policy before it trains, and that every choice has its enum.
#include "learner/learner_config.h"

#include <gmock/gmock.h>

#include <map>
#include <set>

#include "common/config/critic_choices.h"
#include "common/config/env_choices.h"
#include "common/config/learner_choices.h"
#include "common/config/policy_choices.h"
#include "common/config/ppo_choices.h"
#include "common/config/schema.h"

namespace pmoe {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;

PolicySpec Policy(ActionMap map, std::vector<double> low, std::vector<double> high) {
  PolicySpec policy;
  policy.action_map = map;
  policy.action_low = std::move(low);
  policy.action_high = std::move(high);
  return policy;
}

TEST(PolicyWarningsTest, NameActionsThatAClippedPolicyHardlyReaches) {
  const std::vector<double> low = {-1, 2, -0.01, -500}, high = {1, 3, 0.01, 500};
  EXPECT_THAT(PolicyWarnings(Policy(ActionMap::kClip, low, high)),
              ElementsAre(HasSubstr("action 1 lies in [2, 3], action 2 lies in [-0.01, 0.01], "
                                    "action 3 lies in [-500, 500]: a policy that is clipped")));
}

TEST(PolicyWarningsTest, AreNoneWhereTheBoundsAreReached) {
  EXPECT_THAT(PolicyWarnings(Policy(ActionMap::kRescaleClip, {2}, {3})), IsEmpty());
  EXPECT_THAT(PolicyWarnings(Policy(ActionMap::kSquash, {2}, {3})), IsEmpty());
  EXPECT_THAT(PolicyWarnings(Policy(ActionMap::kClip, {-0.4, -3}, {0.4, 3})), IsEmpty());
}

TEST(PolicyWarningsTest, ListAFewAndCountTheRest) {
  EXPECT_THAT(PolicyWarnings(Policy(ActionMap::kClip, std::vector<double>(20, 1.0),
                                    std::vector<double>(20, 2.0))),
              ElementsAre(HasSubstr("action 3 lies in [1, 2] and 16 more are like that")));
}

template <typename Enum>
std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const auto& choice : Choices(Enum{})) names.emplace_back(choice.name);
  return names;
}

const std::map<std::string, std::vector<std::string>> kEnums = {
    {"policy.router_input", Names<RouterInput>()},
    {"policy.gating_variance", Names<GatingVariance>()},
    {"policy.std", Names<LogStd>()},
    {"policy.init", Names<WeightInit>()},
    {"policy.action_map", Names<ActionMap>()},
    {"learner.critics", Names<Critics>()},
    {"learner.critic_norm", Names<CriticNorm>()},
    {"learner.target", Names<TargetOver>()},
    {"learner.primitive_backprop", Names<PrimitiveBackprop>()},
    {"learner.best_by", Names<BestBy>()},
    {"learner.entropy", Names<EntropyOf>()},
    {"learner.router_loss", Names<RouterLoss>()},
    {"learner.freq_reduction", Names<Reduction>()},
    {"learner.reinforce_baseline", Names<Baseline>()},
    {"learner.optimizer", Names<OptimizerKind>()},
    {"learner.step", Names<UpdateStep>()},
    {"learner.advantage_norm", Names<AdvantageNorm>()},
    {"learner.lr_schedule", Names<Schedule>()},
    {"learner.reward_norm", Names<RewardNorm>()},
    {"learner.value_net", Names<ValueNet>()},
    {"learner.qnet_input", Names<QnetInput>()},
    {"learner.ppo_ratio", Names<RatioOf>()},
    {"learner.ppo_router_grad", Names<RouterGrad>()},
    {"learner.rank_by", Names<RankBy>()},
    {"learner.router_target", Names<RouterTarget>()},
    {"policy.heads", Names<Heads>()},
    {"env.on_error", Names<OnEnvError>()},
    {"replay.selector", Names<RowChoice>()},
    {"schedule.mode", Names<ScheduleMode>()},
    {"observe.eval_action", Names<EvalAction>()}};

// Tables of their own name the algorithms and the presets, LibTorch its devices, replay.proto the
// durabilities.
const std::set<std::string> kNoEnum = {"algorithm", "preset", "learner.device",
                                       "replay.durability"};

// A choice that an enum lacked would stop a run that validation let pass.
TEST(ChoicesTest, TheEnumsHaveTheSchemasNames) {
  for (const SchemaField& field : SchemaFields()) {
    if (field.choices.empty() || kNoEnum.contains(field.path)) continue;
    if (field.field->name() == "activation" || field.field->name() == "mean_activation") {
      EXPECT_THAT(Names<Activation>(), IsSupersetOf(field.choices)) << field.path;
    } else {
      ASSERT_TRUE(kEnums.contains(field.path)) << field.path;
      EXPECT_EQ(kEnums.at(field.path), field.choices) << field.path;
    }
  }
}

TEST(ChoicesTest, ANameIsItsValue) {
  EXPECT_EQ(ParseChoice<RouterLoss>("cross_entropy"), RouterLoss::kCrossEntropy);
  EXPECT_EQ(ParseChoice<Activation>("tanh"), Activation::kTanh);
  EXPECT_DEATH(ParseChoice<RouterLoss>("crossentropy"), "check failed");
}

// Every option comes from the configuration; what nobody filled is refused.
TEST(OptionsTest, AreRefusedUnfilled) {
  EXPECT_FALSE(SacOptions().Validate().ok());
  EXPECT_FALSE(PpoOptions().Validate().ok());
}

}  // namespace
}  // namespace pmoe
