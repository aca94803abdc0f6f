#include "cli/sweep/sweep_plan.h"

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

using ::testing::ElementsAre;

absl::StatusOr<SweepPlan> Plan(const std::string& text) {
  SweepFile sweep;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &sweep)) << text;
  return MakeSweepPlan(sweep, "sweeps/pendulum.textproto");
}

void ExpectRefused(const std::string& text, const std::string& message) {
  EXPECT_THAT(Plan(text).status(), IsInvalid(message));
}

TEST(SweepPlanTest, EveryCombinationIsARunAndTheLastAxisVariesFastest) {
  const auto plan = Plan(R"(out: "runs/a"
      grid { field: "algorithm" value: ["sac", "pmoe_sac"] }
      grid { field: "seed" value: ["1", "2", "3"] })");
  ASSERT_TRUE(plan.ok()) << plan.status();
  std::vector<std::string> names;
  for (const SweepRun& run : plan->runs) names.push_back(run.name);
  EXPECT_THAT(names, ElementsAre("sac-s1", "sac-s2", "sac-s3", "pmoe_sac-s1", "pmoe_sac-s2",
                                 "pmoe_sac-s3"));
  EXPECT_EQ(plan->runs[4].index, 4);
  EXPECT_EQ(plan->runs[4].config.algorithm(), "pmoe_sac");
  EXPECT_EQ(plan->runs[4].config.seed(), 2);
  EXPECT_EQ(plan->Directory(plan->runs[4]), "runs/a/pmoe_sac-s2");
  EXPECT_EQ(plan->Name(), "pendulum");
}

TEST(SweepPlanTest, AnyFieldCanBeAnAxisAndNamesItsFolder) {
  const auto plan = Plan(R"(out: "runs/a" preset: "official" steps: 3e5 set: "actor.envs=2"
      grid { field: "policy.primitives" value: ["4"] }
      grid { field: "learner.alpha" value: ["0.1"] }
      grid { field: "policy.hidden" value: ["64,64"] }
      grid { field: "env.arg.ctrl_cost_weight" value: ["0.05"] })");
  ASSERT_TRUE(plan.ok()) << plan.status();
  const SweepRun& run = plan->runs.at(0);
  EXPECT_EQ(run.name,
            "policy.primitives=4-learner.alpha=0.1-policy.hidden=64,64-"
            "env.arg.ctrl_cost_weight=0.05");
  EXPECT_EQ(run.config.policy().primitives(), 4);
  EXPECT_EQ(run.config.learner().alpha(), 0.1);
  EXPECT_EQ(run.config.schedule().total_steps(), 300'000);
  EXPECT_EQ(run.config.actor().envs(), 2);
  EXPECT_EQ(run.config.preset(), "official");
}

TEST(SweepPlanTest, TheWordsAreThoseOfATrainingWithTheSameConfiguration) {
  const auto plan = Plan(R"(out: "runs/a" preset: "official" steps: 5000
      grid { field: "seed" value: ["7"] })");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(
      plan->runs[0].words,
      ElementsAre("--preset", "official", "--set", "observe.video=false", "--set",
                  "schedule.total_steps=5000", "--set", "seed=7", "--set", "learner.threads=1"));
}

TEST(SweepPlanTest, RunsThatDifferInTheirSeedAloneAreAFamily) {
  const auto plan = Plan(R"(out: "runs/a" set: "policy.hidden=64,64"
      grid { field: "seed" value: ["3", "4"] }
      grid { field: "algorithm" value: ["sac", "ppo"] })");
  ASSERT_TRUE(plan.ok()) << plan.status();
  const SweepRun& run = plan->runs[0];
  EXPECT_EQ(run.family, "s{seed}-sac");
  EXPECT_EQ(plan->FamilyPattern(run), "runs/a/s{seed}-sac");
  EXPECT_THAT(run.family_words,
              ElementsAre("--set", "observe.video=false", "--set", "policy.hidden=64,64", "--set",
                          "algorithm=sac", "--set", "learner.threads=1"));
  EXPECT_EQ(plan->runs[1].family, "s{seed}-ppo");
  EXPECT_EQ(plan->runs[2].family, run.family);
  EXPECT_EQ(plan->runs[2].family_words, run.family_words);
}

TEST(SweepPlanTest, AVariantIsSeveralSettingsUnderOneName) {
  const auto plan = Plan(R"(out: "runs/a" set: "algorithm=pmoe_sac"
      variant { name: "plain" }
      variant { name: "tied+4" set: "policy.heads=tied" set: "policy.primitives=4" }
      grid { field: "seed" value: ["1", "2"] })");
  ASSERT_TRUE(plan.ok()) << plan.status();
  std::vector<std::string> names;
  for (const SweepRun& run : plan->runs) names.push_back(run.name);
  EXPECT_THAT(names, ElementsAre("plain-s1", "plain-s2", "tied+4-s1", "tied+4-s2"));
  EXPECT_THAT(plan->fields, ElementsAre("variant", "seed"));
  const SweepRun& run = plan->runs[3];
  EXPECT_THAT(run.values, ElementsAre("tied+4", "2"));
  EXPECT_EQ(run.config.policy().heads(), "tied");
  EXPECT_EQ(run.config.policy().primitives(), 4);
  EXPECT_EQ(run.config.seed(), 2);
  EXPECT_EQ(run.family, "tied+4-s{seed}");
  EXPECT_EQ(plan->runs[0].config.policy().heads(), "separate");
  EXPECT_NE(plan->runs[0].family_words, run.family_words);
  const auto alone = Plan(R"(out: "a" variant { name: "x" set: "algorithm=ppo" })");
  ASSERT_TRUE(alone.ok()) << alone.status();
  EXPECT_EQ(alone->runs.at(0).config.algorithm(), "ppo");
}

TEST(SweepPlanTest, AVariantThatCannotBeMeantIsRefused) {
  const std::string seeds = R"(out: "a" grid { field: "seed" value: ["1"] } )";
  ExpectRefused(seeds + "variant { set: \"gamma=1\" }", "variant[0] needs a name");
  ExpectRefused(seeds + "variant { name: \"a/b\" }", "got \"a/b\"");
  ExpectRefused(seeds + "variant { name: \"x\" } variant { name: \"x\" }",
                "variant[1] has the name x of variant[0]");
  ExpectRefused(seeds + "variant { name: \"x\" set: \"learner.alfa=1\" }",
                "variant[0] (x): unknown setting learner.alfa; did you mean learner.alpha");
  ExpectRefused(seeds + "variant { name: \"x\" set: \"learner.alpha\" }", "is not PATH=VALUE");
  std::string many = "out: \"a\" ";
  for (int i = 0; i <= 10'000; ++i) absl::StrAppend(&many, "variant { name: \"", i, "\" }");
  ExpectRefused(many, "these are more than 10000 runs");
  ExpectRefused(seeds + "variant { name: \"x\" set: \"seed=3\" }",
                "variant[0] (x) sets seed, which a grid varies");
}

TEST(SweepPlanTest, WhatSeveralSeedsInOneProcessCannotDoHasNoFamily) {
  const auto without = Plan(R"(out: "a" grid { field: "algorithm" value: ["sac"] })");
  const auto spelled = Plan(R"(out: "a" grid { field: "seed" value: ["03"] })");
  const auto gpu =
      Plan(R"(out: "a" set: "learner.device=cuda" grid { field: "seed" value: ["3"] })");
  for (const auto* plan : {&without, &spelled, &gpu}) {
    ASSERT_TRUE(plan->ok()) << plan->status();
    EXPECT_EQ((*plan)->runs[0].family, "");
  }
  ExpectRefused(R"(out: "a/{seed}" grid { field: "seed" value: ["3"] })",
                "is one folder for all runs: leave {seed} away");
}

TEST(SweepPlanTest, AWrongFieldOrValueIsNamedWithWhatIsNear) {
  ExpectRefused(R"(out: "a" grid { field: "learner.alfa" value: ["1"] })",
                "sweeps/pendulum.textproto: grid[0]: ");
  ExpectRefused(R"(out: "a" grid { field: "learner.alfa" value: ["1"] })",
                "did you mean learner.alpha");
  ExpectRefused(R"(out: "a" grid { field: "seed" value: ["one"] })", "seed");
  ExpectRefused(R"(out: "a" grid { field: "learner.alpha" value: ["-1"] })",
                "run 0: learner.alpha must be >= 0, got -1");
  ExpectRefused(R"(out: "a" grid { field: "env.id" value: ["Hoper-v5"] })", "Hopper-v5");
  ExpectRefused(R"(out: "a" set: "sed=1" grid { field: "seed" value: ["1"] })",
                "did you mean seed");
}

// Left out silently, one file would mean two things; the message says for which runs it must go.
TEST(SweepPlanTest, ASettingThatSomeAlgorithmsDoNotReadIsRefusedWithTheirRuns) {
  const std::string text = R"(out: "a" set: "learner.freq_coef=2"
      grid { field: "algorithm" value: ["sac", "pmoe_sac", "mrp_sac"] }
      grid { field: "seed" value: ["1", "2"] })";
  ExpectRefused(text, "runs 0, 1: learner.freq_coef=2 does nothing with algorithm sac; leave it");
  ExpectRefused(text, "\nruns 4, 5: learner.freq_coef=2 does nothing with algorithm mrp_sac");
}

TEST(SweepPlanTest, AGridThatCannotBeMeantIsRefused) {
  ExpectRefused(R"(grid { field: "seed" value: ["1"] })", "out is missing");
  ExpectRefused(R"(out: "a")", "grid is missing");
  ExpectRefused(R"(out: "a" grid { value: ["1"] })", "grid[0] needs a field");
  ExpectRefused(R"(out: "a" grid { field: "seed" })", "grid[0] (seed) needs values");
  ExpectRefused(R"(out: "a" grid { field: "seed" value: ["1", "1"] })", "has the value 1 twice");
  ExpectRefused(
      R"(out: "a" grid { field: "seed" value: ["1"] } grid { field: "seed" value: ["2"] })",
      "grid[1] has the field seed of grid[0] once more");
  ExpectRefused(R"(out: "a" set: "seed=1" grid { field: "seed" value: ["1"] })",
                "\"seed=1\" has no effect beside grid[0]");
  ExpectRefused(R"(out: "a" grid { field: "learner.alpha" value: ["0.1", "0.10"] }
                   grid { field: "env.arg.x" value: ["a/b", "a:b"] })",
                "folder");
}

TEST(SweepPlanTest, AFilesSyntaxErrorNamesItsLine) {
  const TempDir dir;
  const std::string file = dir.File("bad.textproto");
  ASSERT_TRUE(WriteFileAtomic(file, "out: \"a\"\ngrd { }\n").ok());
  EXPECT_THAT(LoadSweep(file).status(), IsInvalid("bad.textproto:2"));
  EXPECT_THAT(LoadSweep(dir.File("none")).status(), FailsWith(absl::StatusCode::kNotFound, "none"));
}

TEST(SweepPlanTest, ItsConfigurationFileLiesBesideIt) {
  const TempDir dir;
  ASSERT_TRUE(WriteFileAtomic(dir.File("base.textproto"), "learner { alpha: 0.7 }\n").ok());
  ASSERT_TRUE(WriteFileAtomic(dir.File("s.textproto"),
                              "out: \"a\" config: \"base.textproto\"\n"
                              "grid { field: \"seed\" value: [\"1\"] }\n")
                  .ok());
  const auto plan = LoadSweep(dir.File("s.textproto"));
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->runs[0].config.learner().alpha(), 0.7);
}

}  // namespace
}  // namespace pmoe
