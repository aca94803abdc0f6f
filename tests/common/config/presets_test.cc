#include "common/config/presets.h"

#include <map>
#include <string>
#include <vector>

#include "common/base/file.h"
#include "common/config/algorithms.h"
#include "common/config/read_by.h"
#include "common/config/run_config.h"
#include "common/config/schema.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// Every preset with the algorithms that it is for.
const std::map<std::string, std::vector<std::string>> kPresets = [] {
  std::map<std::string, std::vector<std::string>> presets;
  for (const Algorithm& algorithm : Algorithms()) {
    const std::vector<std::string> names =
        algorithm.on_policy() ? std::vector<std::string>{"paper", "tianshou", "cleanrl"}
                              : std::vector<std::string>{"paper", "official", "modern"};
    for (const std::string& name : names) presets[name].emplace_back(algorithm.name);
    if (!algorithm.published.empty()) presets["published"].emplace_back(algorithm.name);
  }
  return presets;
}();

RunConfig Resolve(const ConfigSources& sources) {
  const absl::StatusOr<RunConfig> config = ResolveConfig(sources);
  EXPECT_OK(config);
  return config.value_or(RunConfig());
}

RunConfig ResolveSets(std::vector<std::string> sets) {
  ConfigSources sources;
  sources.sets = std::move(sets);
  return Resolve(sources);
}

TEST(PresetTest, ResolvingAgainChangesNothing) {
  const TempDir dir;
  for (const auto& [preset, algorithms] : kPresets) {
    for (const std::string& algorithm : algorithms) {
      ConfigSources sources;
      sources.preset = preset;
      sources.sets = {"algorithm=" + algorithm, "env.id=Humanoid-v5",
                      "env.arg.ctrl_cost_weight=0.1", "learner.actor_lr=0.1234567890123456789",
                      "learner.threads=3"};
      const RunConfig config = Resolve(sources);
      const std::string printed = PrintConfig(config);
      ConfigSources file;
      file.config_file = dir.File("config.textproto");
      EXPECT_OK(WriteFileAtomic(file.config_file, printed));
      const RunConfig again = Resolve(file);
      EXPECT_EQ(PrintConfig(again), printed);
      EXPECT_THAT(ChangedFields(config, again), IsEmpty());
    }
  }
}

// Defaults are the paper's Table 6(a), published as Spinning Up's SAC.
TEST(PresetTest, PaperIsTable6) {
  const RunConfig config = ResolveSets({"algorithm=sac"});
  EXPECT_EQ(config.learner().batch_size(), 100);
  EXPECT_EQ(config.learner().actor_lr(), 1e-3);
  EXPECT_EQ(config.learner().critic_lr(), 1e-3);
  EXPECT_EQ(config.learner().alpha(), 0.2);
  EXPECT_FALSE(config.learner().tune_alpha());
  EXPECT_EQ(config.learner().gamma(), 0.99);
  EXPECT_EQ(config.learner().tau(), 0.005);
  EXPECT_EQ(config.replay().capacity(), 1000000);
  EXPECT_EQ(config.schedule().start_steps(), 10000);
  EXPECT_EQ(config.schedule().update_after(), 1000);
  EXPECT_EQ(config.schedule().steps_per_round(), 50);
  EXPECT_EQ(UpdatesPerRound(config), 50);
}

TEST(PresetTest, OfficialIsTheAuthorsPublicCode) {
  for (const std::string algorithm : {"sac", "pmoe_sac"}) {
    const RunConfig config = ResolveSets({"preset=official", "algorithm=" + algorithm});
    EXPECT_EQ(config.learner().batch_size(), 256);
    EXPECT_EQ(config.learner().actor_lr(), 3e-4);
    EXPECT_EQ(config.learner().critic_lr(), 3e-4);
    EXPECT_TRUE(config.learner().tune_alpha());
    EXPECT_FALSE(config.learner().has_target_entropy()) << "minus the action dimension";
    EXPECT_EQ(config.schedule().start_steps(), 0) << "the policy drives the warm-up";
    EXPECT_EQ(config.schedule().update_after(), 1000);
    EXPECT_EQ(config.schedule().steps_per_round(), 1000);
    EXPECT_EQ(UpdatesPerRound(config), 1000);
    EXPECT_EQ(config.learner().freq_reduction(), algorithm == "sac" ? "sum" : "mean");
  }
}

TEST(PresetTest, ModernIsTruncatedQuantileCriticsForTheWholeFamily) {
  for (const Algorithm& algorithm : Algorithms()) {
    if (algorithm.on_policy()) continue;
    const RunConfig config =
        ResolveSets({"preset=modern", "algorithm=" + std::string(algorithm.name)});
    EXPECT_EQ(config.learner().critic_quantiles(), 25);
    EXPECT_EQ(config.learner().dropped_quantiles(), 2);
    EXPECT_EQ(config.learner().quantile_critics(), 2);
    EXPECT_EQ(config.learner().batch_size(), 256);
    EXPECT_EQ(config.learner().critic_lr(), 3e-4);
    EXPECT_TRUE(config.learner().tune_alpha());
    EXPECT_EQ(config.schedule().steps_per_round(), 50);
    EXPECT_EQ(UpdatesPerRound(config), 50);
  }
}

TEST(PresetTest, EveryPresetIsValidForEveryAlgorithm) {
  for (const auto& [preset, algorithms] : kPresets) {
    for (const std::string& algorithm : algorithms) {
      EXPECT_OK(PresetConfig(preset, AlgorithmNamed(algorithm)));
      ResolveSets({"preset=" + preset, "algorithm=" + algorithm});
    }
  }
}

TEST(PresetTest, APresetOfTheOtherFamilyIsRefusedWithThoseThatFit) {
  EXPECT_THAT(
      PresetConfig("tianshou", AlgorithmNamed("pmoe_sac")),
      IsInvalid(
          "preset tianshou is not for algorithm pmoe_sac, which has modern, official, paper"));
  EXPECT_THAT(PresetConfig("official", AlgorithmNamed("dac")),
              IsInvalid("which has cleanrl, paper, tianshou"));
  EXPECT_THAT(PresetConfig("published", AlgorithmNamed("ppo")),
              IsInvalid("which has cleanrl, paper, tianshou"));
}

// What was published has separate heads, which a Q-network ranks. Everywhere else they are tied and
// ranked by the rows' advantages, as docs/algorithms/pmoe_ppo.md measured.
TEST(PresetTest, PublishedIsThePapersPmoePpo) {
  const RunConfig published = ResolveSets({"algorithm=pmoe_ppo", "preset=published"});
  EXPECT_EQ(published.policy().heads(), "separate");
  EXPECT_EQ(published.learner().rank_by(), "action_q");
  for (const char* preset : {"paper", "tianshou", "cleanrl"}) {
    RunConfig ours = ResolveSets({"algorithm=pmoe_ppo", std::string("preset=") + preset});
    EXPECT_EQ(ours.policy().heads(), "tied");
    EXPECT_EQ(ours.learner().rank_by(), "advantage");
  }
  const RunConfig paper = ResolveSets({"algorithm=pmoe_ppo"});
  EXPECT_THAT(ChangedFields(published, paper),
              UnorderedElementsAre(HasSubstr("preset"), HasSubstr("policy.heads"),
                                   HasSubstr("learner.rank_by")))
      << "Table 6 is both";
}

// Table 6(b), Appendix C.
TEST(PresetTest, PaperIsTable6ForPpo) {
  const RunConfig config = ResolveSets({"algorithm=pmoe_ppo", "env.id=Ant-v5"});
  EXPECT_EQ(config.schedule().steps_per_round(), 2048);
  EXPECT_EQ(config.learner().batch_size(), 64);
  EXPECT_EQ(config.learner().epochs(), 20);
  EXPECT_EQ(config.learner().actor_lr(), 3e-4);
  EXPECT_EQ(config.learner().gae_lambda(), 0.95);
  EXPECT_EQ(config.learner().clip(), 0.2);
  EXPECT_EQ(config.learner().value_net(), "trunk");
  EXPECT_THAT(config.policy().hidden(), ElementsAre(64, 64));
  EXPECT_THAT(config.learner().qnet_hidden(), ElementsAre(64, 64, 64));
  EXPECT_EQ(config.policy().primitives(), 16);
  EXPECT_EQ(UpdatesPerRound(config), 20 * 32);
}

TEST(PresetTest, TianshousRolloutComesFrom64Environments) {
  const RunConfig config = ResolveSets({"algorithm=ppo", "preset=tianshou"});
  EXPECT_EQ(config.actor().envs(), 64);
  EXPECT_EQ(ChunkRows(config), 32) << "what a rollout takes of each";
  EXPECT_EQ(config.learner().lr_schedule(), "linear");
  EXPECT_EQ(config.learner().reward_norm(), "return_std");
  EXPECT_TRUE(config.learner().recompute_advantage());
}

// The layers of the methods' own papers.
TEST(PresetTest, McpAndDacBringTheirNetworks) {
  const RunConfig mcp = ResolveSets({"algorithm=mcp_sac"});
  EXPECT_THAT(mcp.policy().hidden(), ElementsAre(512, 256));
  EXPECT_THAT(mcp.policy().primitive_hidden(), ElementsAre(256));
  EXPECT_THAT(mcp.policy().router_hidden(), ElementsAre(512, 256, 256));
  EXPECT_EQ(mcp.policy().primitives(), 8);
  EXPECT_THAT(mcp.learner().critic_hidden(), ElementsAre(256, 256));
  const RunConfig dac = ResolveSets({"algorithm=dac"});
  EXPECT_THAT(dac.policy().hidden(), IsEmpty());
  EXPECT_THAT(dac.policy().primitive_hidden(), ElementsAre(64, 64));
  EXPECT_EQ(dac.policy().primitives(), 4);
  EXPECT_EQ(dac.learner().epochs(), 5);
  EXPECT_EQ(dac.learner().value_net(), "separate");
}

TEST(DefaultPrimitivesTest, FollowsThePaper) {
  EXPECT_EQ(DefaultPrimitives(AlgorithmNamed("pmoe_sac"), "HalfCheetah-v5"), 2);
  EXPECT_EQ(DefaultPrimitives(AlgorithmNamed("pmoe_sac"), "Humanoid-v5"), 10);
  EXPECT_EQ(DefaultPrimitives(AlgorithmNamed("pmoe_sac"), "HumanoidStandup-v5"), 10);
  EXPECT_EQ(DefaultPrimitives(AlgorithmNamed("pmoe_sac"), "TargetReaching-v0"), 2);
  EXPECT_EQ(DefaultPrimitives(AlgorithmNamed("pmoe_sac"), "Hopper-v5"), 4);
  EXPECT_EQ(DefaultPrimitives(AlgorithmNamed("pmoe_sac"), "my_robot"), 4);
  EXPECT_EQ(DefaultPrimitives(AlgorithmNamed("sac"), "Humanoid-v5"), 1);
  EXPECT_EQ(DefaultPrimitives(AlgorithmNamed("ppo"), "Humanoid-v5"), 1);
  EXPECT_EQ(DefaultPrimitives(AlgorithmNamed("pmoe_ppo"), "Ant-v5"), 16);
  EXPECT_EQ(DefaultPrimitives(AlgorithmNamed("pmoe_ppo"), "Hopper-v5"), 12);
  EXPECT_EQ(DefaultPrimitives(AlgorithmNamed("gating_ppo"), "Humanoid-v5"), 8);
  EXPECT_EQ(DefaultPrimitives(AlgorithmNamed("mcp_ppo"), "Hopper-v5"), 8);
  EXPECT_EQ(DefaultPrimitives(AlgorithmNamed("dac"), "Hopper-v5"), 4);
}

TEST(DefaultPrimitivesTest, FillsTheResolvedConfiguration) {
  EXPECT_EQ(ResolveSets({"env.id=Humanoid-v5"}).policy().primitives(), 10);
  EXPECT_EQ(ResolveSets({"env.id=Humanoid-v5", "policy.primitives=3"}).policy().primitives(), 3);
  EXPECT_EQ(ResolveSets({"algorithm=sac"}).policy().primitives(), 1);
}

// A family's preset serves all of the family; what a row adds is for that algorithm alone.
TEST(AlgorithmsTest, ReadTheSettingsOfTheirRows) {
  for (const Algorithm& algorithm : Algorithms()) {
    for (const absl::string_view text :
         {algorithm.settings, algorithm.official, algorithm.published}) {
      const absl::StatusOr<RunConfig> settings = ParseConfigText(text);
      ASSERT_OK(settings);
      for (const SchemaField& field : SchemaFields()) {
        if (!IsSet(*settings, field)) continue;
        EXPECT_TRUE(Reads(algorithm, field)) << algorithm.name << " " << field.path;
      }
    }
  }
}

TEST(AlgorithmsTest, AnUnknownNameComesWithTheNearest) {
  EXPECT_THAT(FindAlgorithm("mrpsac"), IsInvalid("got \"mrpsac\"; did you mean mrp_sac?"));
  EXPECT_THAT(FindAlgorithm(""), IsInvalid("algorithm must be sac or pmoe_sac or "));
}
}  // namespace
}  // namespace pmoe
