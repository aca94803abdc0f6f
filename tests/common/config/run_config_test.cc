#include "common/config/run_config.h"

#include <filesystem>
#include <map>
#include <set>

#include "common/base/file.h"
#include "common/config/algorithms.h"
#include "common/config/presets.h"
#include "common/config/read_by.h"
#include "common/config/schema.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Every preset with the algorithms that it is for.
const std::map<std::string, std::vector<std::string>> kPresets = [] {
  std::map<std::string, std::vector<std::string>> presets;
  for (const Algorithm& algorithm : Algorithms()) {
    const std::vector<std::string> names =
        algorithm.on_policy() ? std::vector<std::string>{"paper", "tianshou", "cleanrl"}
                              : std::vector<std::string>{"paper", "official", "modern"};
    for (const std::string& name : names) presets[name].emplace_back(algorithm.name);
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

class ResolveConfigTest : public ::testing::Test {
 protected:
  ConfigSources File(const std::string& text) {
    ConfigSources sources;
    sources.config_file = dir_.File("config.textproto");
    EXPECT_OK(WriteFileAtomic(sources.config_file, text));
    return sources;
  }

  TempDir dir_;
};

TEST_F(ResolveConfigTest, LaterSourcesWin) {
  ConfigSources sources;
  EXPECT_EQ(Resolve(sources).learner().batch_size(), 100);
  sources.preset = "official";
  EXPECT_EQ(Resolve(sources).learner().batch_size(), 256);
  sources.config_file = File("learner { batch_size: 3 }").config_file;
  EXPECT_EQ(Resolve(sources).learner().batch_size(), 3);
  sources.flags = {{"learner.batch_size", "4"}};
  EXPECT_EQ(Resolve(sources).learner().batch_size(), 4);
  sources.sets = {"learner.batch_size=5", "learner.batch_size=6"};
  EXPECT_EQ(Resolve(sources).learner().batch_size(), 6);
  EXPECT_EQ(Resolve(sources).learner().actor_lr(), 3e-4) << "what only the preset says stays";
}

TEST_F(ResolveConfigTest, TheStrongestSourceNamesThePreset) {
  ConfigSources sources = File("preset: \"official\"");
  EXPECT_EQ(Resolve(sources).learner().batch_size(), 256);
  sources.preset = "paper";
  EXPECT_EQ(Resolve(sources).learner().batch_size(), 100);
  sources.sets = {"preset=official"};
  const RunConfig config = Resolve(sources);
  EXPECT_EQ(config.learner().batch_size(), 256);
  EXPECT_EQ(config.preset(), "official");
}

TEST_F(ResolveConfigTest, ListsReplaceEachOther) {
  ConfigSources sources = File("policy { hidden: 64 hidden: 64 }");
  EXPECT_THAT(Resolve(sources).policy().hidden(), ElementsAre(64, 64));
  sources.sets = {"policy.hidden=32"};
  EXPECT_THAT(Resolve(sources).policy().hidden(), ElementsAre(32));
}

TEST_F(ResolveConfigTest, TaskParametersOfFlagsJoinThoseOfTheFile) {
  ConfigSources sources =
      File("env { arg { name: \"a\" value: \"1\" } arg { name: \"b\" value: \"2\" } }");
  sources.flags = {{"env.arg.b", "3"}, {"env.arg.c", "4"}};
  const SchemaField& field = *FindSchemaField("env.arg");
  EXPECT_EQ(ValueText(Resolve(sources), field), "a=1,b=3,c=4");
}

TEST_F(ResolveConfigTest, ErrorsNameTheirSource) {
  EXPECT_THAT(ResolveConfig(File("learner { actor_rl: 1 }")), IsInvalid("config.textproto:1: "));
  ConfigSources sources;
  sources.config_file = dir_.File("missing.textproto");
  EXPECT_THAT(ResolveConfig(sources), FailsWith(absl::StatusCode::kNotFound, "missing.textproto"));
  sources.config_file.clear();
  sources.sets = {"learner.actor_lr"};
  EXPECT_THAT(ResolveConfig(sources), IsInvalid("--set needs path=value"));
  sources.sets = {"=3"};
  EXPECT_THAT(ResolveConfig(sources), IsInvalid("--set needs path=value"));
  sources.sets.clear();
  sources.preset = "offical";
  EXPECT_THAT(ResolveConfig(sources), IsInvalid("did you mean official?"));
}

TEST_F(ResolveConfigTest, WritesEveryFieldButThoseThatMayStayOpen) {
  const RunConfig config = ResolveSets({});
  for (const SchemaField& field : SchemaFields()) {
    static const std::set<std::string> kOpen = {"learner.target_entropy", "env.arg",
                                                "learner.gumbel_tau_end", "policy.primitive_hidden",
                                                "policy.router_hidden",   "learner.qnet_hidden",
                                                "observe.target_return"};
    EXPECT_EQ(IsSet(config, field), !kOpen.contains(field.path)) << field.path;
  }
  EXPECT_THAT(config.policy().hidden(), ElementsAre(256, 256));
  EXPECT_THAT(config.learner().critic_hidden(), ElementsAre(256, 256));
}

TEST_F(ResolveConfigTest, ResolvingAgainChangesNothing) {
  for (const auto& [preset, algorithms] : kPresets) {
    for (const std::string& algorithm : algorithms) {
      ConfigSources sources;
      sources.preset = preset;
      sources.sets = {"algorithm=" + algorithm, "env.id=Humanoid-v5",
                      "env.arg.ctrl_cost_weight=0.1", "learner.actor_lr=0.1234567890123456789",
                      "learner.threads=3"};
      const RunConfig config = Resolve(sources);
      const std::string printed = PrintConfig(config);
      const RunConfig again = Resolve(File(printed));
      EXPECT_EQ(PrintConfig(again), printed);
      EXPECT_THAT(ChangedFields(config, again), IsEmpty());
    }
  }
}

TEST_F(ResolveConfigTest, ParsingWhatWasPrintedGivesTheSameBits) {
  const RunConfig config = ResolveSets({"learner.actor_lr=0.1234567890123456789"});
  const absl::StatusOr<RunConfig> parsed = ParseConfigText(PrintConfig(config));
  ASSERT_OK(parsed);
  EXPECT_EQ(parsed->SerializeAsString(), config.SerializeAsString());
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

TEST_F(ResolveConfigTest, RefusesWhatTheAlgorithmDoesNotRead) {
  ConfigSources sources;
  sources.flags = {{"algorithm", "sac"}};
  sources.sets = {"learner.epochs=3"};
  EXPECT_THAT(
      ResolveConfig(sources),
      IsInvalid("learner.epochs=3 does nothing with algorithm sac; leave it away, or use one that "
                "reads it: ppo, pmoe_ppo, gating_ppo, mcp_ppo, pmoe_gumbel_ppo, "
                "pmoe_reinforce_ppo, dac"));
  sources.sets = {"learner.epochs=10"};
  EXPECT_THAT(ResolveConfig(sources), IsInvalid("learner.epochs=10 does nothing"))
      << "a word that does nothing is not meant, whatever its value";
  sources.sets = {"algorithm=ppo", "learner.epochs=3"};
  EXPECT_OK(ResolveConfig(sources));
}

TEST_F(ResolveConfigTest, AFileMayHoldWhatStandsAnyway) {
  ConfigSources sources = File("algorithm: \"sac\" learner { epochs: 10 }");
  EXPECT_OK(ResolveConfig(sources));
  sources = File("algorithm: \"sac\" learner { epochs: 3 }");
  EXPECT_THAT(ResolveConfig(sources),
              IsInvalid("config.textproto: learner.epochs=3 does nothing with algorithm sac"));
}

// Written before such settings were refused: the run goes on as it began.
TEST_F(ResolveConfigTest, AnOldRunsOwnFileIsTakenAsItIs) {
  RunConfig old = ResolveSets({"algorithm=sac"});
  old.mutable_learner()->set_epochs(3);
  old.mutable_policy()->set_head_gain(0.5);
  const RunConfig again = Resolve(File(PrintConfig(old)));
  EXPECT_EQ(PrintConfig(again), PrintConfig(old));
  EXPECT_THAT(ConfigWarnings(again),
              ElementsAre("policy.head_gain=0.5 does nothing with algorithm sac",
                          "learner.epochs=3 does nothing with algorithm sac"));
}

TEST_F(ResolveConfigTest, AnotherAlgorithmTakesOfARunsFileWhatItReads) {
  const RunConfig run = ResolveSets(
      {"algorithm=mrp_sac", "preset=official", "learner.alpha=0.3", "policy.primitives=1"});
  ConfigSources sources = File(PrintConfig(run));
  sources.flags = {{"algorithm", "sac"}};
  const RunConfig sac = Resolve(sources);
  EXPECT_EQ(sac.learner().alpha(), 0.3);
  EXPECT_EQ(sac.learner().target(), "sample") << "sac has no primitives to choose from";
  EXPECT_THAT(ConfigWarnings(sac), IsEmpty());
}

// A family's preset serves all of the family; what a row adds is for that algorithm alone.
TEST(AlgorithmsTest, ReadTheSettingsOfTheirRows) {
  for (const Algorithm& algorithm : Algorithms()) {
    for (const absl::string_view text : {algorithm.settings, algorithm.official}) {
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

// A run is resumed and looked at from other folders. A bare model is one of Gymnasium's, and "~" is
// every machine's own.
TEST(ResolvedPathsTest, AreAbsoluteWhereTheyWereRelativeToThisFolder) {
  const std::string here = std::filesystem::current_path().string();
  const RunConfig config = ResolveSets({"env.id=mjcf:tasks/a.textproto", "env.assets=models",
                                        "env.arg.xml_file=./robots/../a b.xml"});
  EXPECT_EQ(config.env().id(), "mjcf:" + here + "/tasks/a.textproto");
  EXPECT_EQ(config.env().assets(), here + "/models");
  EXPECT_EQ(config.env().arg(0).value(), here + "/a b.xml");
  for (const char* own : {"ant.xml", "~/ant.xml", "/robots/ant.xml"}) {
    EXPECT_EQ(ResolveSets({std::string("env.arg.xml_file=") + own}).env().arg(0).value(), own);
  }
}

TEST(ChangedValuesTest, LeavesOutWhatIsNotRead) {
  RunConfig before = ResolveSets({"algorithm=sac"});
  before.mutable_learner()->set_epochs(3);
  const RunConfig after = ResolveSets({"algorithm=sac", "learner.alpha=0.3"});
  EXPECT_THAT(ChangedValues(before, after), ElementsAre(std::pair("learner.alpha", "0.3")));
}

TEST(ChangedFieldsTest, ListsWhatDiffers) {
  const RunConfig before = ResolveSets({"seed=1"});
  const RunConfig after = ResolveSets({"seed=2", "learner.target_entropy=-3", "env.arg.a=1"});
  EXPECT_THAT(ChangedFields(before, after), ElementsAre("seed: 1 -> 2", "env.arg: unset -> a=1",
                                                        "learner.target_entropy: unset -> -3"));
}

TEST(TotalStepsTest, RoundsUpToWholeRounds) {
  EXPECT_EQ(TotalSteps(ResolveSets({"schedule.total_steps=101"})), 150);
  EXPECT_EQ(TotalSteps(ResolveSets({"schedule.total_steps=100"})), 100);
}

TEST(ExplainConfigTest, TellsEveryFieldItsDefaultAndRange) {
  const std::string text = ExplainConfig();
  for (const SchemaField& field : SchemaFields()) EXPECT_THAT(text, HasSubstr(field.path));
  EXPECT_THAT(text, HasSubstr("learner.actor_lr  (a number: > 0 and <= 1, default 0.001)\n"));
  EXPECT_THAT(text, HasSubstr("algorithm  (text: sac | pmoe_sac | "));
  EXPECT_THAT(text, HasSubstr("\n    read by: pmoe_gumbel_sac, pmoe_gumbel_ppo\n"));
}

}  // namespace
}  // namespace pmoe
