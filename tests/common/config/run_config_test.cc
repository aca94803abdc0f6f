#include "common/config/run_config.h"

#include <filesystem>
#include <set>

#include "common/base/file.h"
#include "common/config/algorithms.h"
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

TEST_F(ResolveConfigTest, ParsingWhatWasPrintedGivesTheSameBits) {
  const RunConfig config = ResolveSets({"learner.actor_lr=0.1234567890123456789"});
  const absl::StatusOr<RunConfig> parsed = ParseConfigText(PrintConfig(config));
  ASSERT_OK(parsed);
  EXPECT_EQ(parsed->SerializeAsString(), config.SerializeAsString());
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

// Written before there were such settings, and before the algorithm had values of its own for them.
TEST_F(ResolveConfigTest, AnOldRunsOwnFileHasTheSchemasDefaultsForWhatItLacks) {
  RunConfig old = ResolveSets({"algorithm=pmoe_ppo", "preset=tianshou"});
  old.mutable_policy()->clear_heads();
  old.mutable_learner()->clear_rank_by();
  old.mutable_learner()->clear_recompute_advantage();
  const RunConfig again = Resolve(File(PrintConfig(old)));
  EXPECT_EQ(again.policy().heads(), "separate");
  EXPECT_EQ(again.learner().rank_by(), "action_q");
  EXPECT_FALSE(again.learner().recompute_advantage());

  ConfigSources sources = File(PrintConfig(old));
  sources.sets = {"policy.heads=tied"};
  EXPECT_EQ(Resolve(sources).policy().heads(), "tied") << "a word wins";
  const RunConfig few = Resolve(File("algorithm: \"pmoe_ppo\" preset: \"tianshou\""));
  EXPECT_EQ(few.policy().heads(), "tied") << "a person's file has what it does not name by preset";
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

// What nobody chose in a run is not carried over.
TEST_F(ResolveConfigTest, AnotherAlgorithmHasItsOwnOfWhatNobodyChose) {
  const RunConfig sac = ResolveSets({"algorithm=sac", "learner.alpha=0.3"});
  ConfigSources sources = File(PrintConfig(sac));
  sources.flags = {{"algorithm", "mrp_sac"}, {"env.id", "HalfCheetah-v5"}};
  const RunConfig mrp = Resolve(sources);
  EXPECT_EQ(mrp.learner().alpha(), 0.3);
  EXPECT_EQ(mrp.learner().target(), "expected");
  EXPECT_EQ(mrp.policy().primitives(), 2);
  sources.sets = {"learner.target=sample"};
  EXPECT_EQ(Resolve(sources).learner().target(), "sample") << "a word is a choice";
  for (const Algorithm& from : Algorithms()) {
    const RunConfig run = ResolveSets({"algorithm=" + std::string(from.name)});
    for (const Algorithm& to : Algorithms()) {
      ConfigSources again = File(PrintConfig(run));
      again.flags = {{"algorithm", std::string(to.name)}};
      const RunConfig own = ResolveSets({"algorithm=" + std::string(to.name)});
      EXPECT_THAT(ChangedFields(own, Resolve(again)), IsEmpty()) << from.name << " to " << to.name;
    }
  }
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
