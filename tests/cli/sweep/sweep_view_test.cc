// What is read from runs' folders, and what is made of it: results, table, schedulers' files.

#include "cli/sweep/sweep_export.h"
#include "cli/sweep/sweep_progress.h"
#include "cli/sweep/sweep_table.h"
#include "common/base/file.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

class SweepViewTest : public ::testing::Test {
 protected:
  // Seeds 1 to `seeds`, 1000 steps each.
  SweepPlan Plan(int seeds) {
    SweepFile sweep;
    sweep.set_out(dir_.File("out"));
    sweep.set_steps(1000);
    SweepAxis* axis = sweep.add_grid();
    axis->set_field("seed");
    for (int seed = 1; seed <= seeds; ++seed) axis->add_value(std::to_string(seed));
    auto plan = MakeSweepPlan(sweep, "sweeps/A_b.textproto");
    EXPECT_TRUE(plan.ok()) << plan.status();
    return *std::move(plan);
  }
  void Write(const std::string& path, const std::string& text) {
    ASSERT_TRUE(MakeDirs(path.substr(0, path.rfind('/'))).ok());
    ASSERT_TRUE(WriteFileAtomic(path, text).ok());
  }

  TempDir dir_;
};

TEST_F(SweepViewTest, ProgressIsReadFromMetricsOverAllStarts) {
  Write(dir_.File("run/metrics.csv"),
        "env_steps,updates,wall_s,eval_return_mean,env_steps_per_s\n"
        "500,100,2,,250\n1000,600,5,10,200\n1500,1100,1.5,20,180\n16");
  const RunProgress progress = ReadRunProgress(dir_.File("run"));
  EXPECT_EQ(progress.env_steps, 1500);
  EXPECT_EQ(progress.updates, 1100);
  EXPECT_EQ(progress.seconds, 6.5);
  EXPECT_EQ(progress.steps_per_s, 180);
  EXPECT_EQ(progress.eval_returns, (std::vector<double>{10, 20}));
  EXPECT_EQ(ReadRunProgress(dir_.File("none")).env_steps, 0);
}

TEST_F(SweepViewTest, StatesAreReadFromTheFolders) {
  const SweepPlan plan = Plan(4);
  // One that waits for its turn beside others has its configuration already.
  Write(plan.Directory(plan.runs[0]) + "/config.textproto", "");
  Write(plan.Directory(plan.runs[1]) + "/metrics.csv", "env_steps\n");
  Write(plan.Directory(plan.runs[2]) + "/checkpoints/1000/state.pmoe", "");
  Write(plan.FailureNote(plan.runs[3]), "ended with exit code 1: no disk\n");
  const std::vector<SweepRow> rows = ReadSweepRows(plan);
  EXPECT_EQ(rows[0].state, SweepState::kWaiting);
  EXPECT_EQ(rows[1].state, SweepState::kStopped);
  EXPECT_EQ(rows[2].state, SweepState::kFinished);
  EXPECT_EQ(rows[3].state, SweepState::kFailed);
  EXPECT_EQ(rows[3].failure, "ended with exit code 1: no disk");
}

TEST_F(SweepViewTest, ResultsHaveTheGridsFieldsAndTheEvaluations) {
  SweepFile sweep;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"(out: "o" steps: 1000 grid { field: "policy.hidden" value: ["64,64"] }
         grid { field: "seed" value: ["3"] })",
      &sweep));
  const auto plan = MakeSweepPlan(sweep, "a.textproto");
  ASSERT_TRUE(plan.ok()) << plan.status();
  SweepRow row;
  row.state = SweepState::kFinished;
  row.progress = {1000, 900, 12.5, 80, {1, 4, 2.5}};
  EXPECT_EQ(SweepResultsCsv(*plan, {row}),
            "run,name,state,env.id,algorithm,seed,policy.hidden,env_steps,updates,seconds,"
            "eval_return_last,eval_return_best,eval_return_mean,directory\n"
            "0,\"policy.hidden=64,64-s3\",finished,HalfCheetah-v5,pmoe_sac,3,\"64,64\",1000,900,"
            "12.5,2.5,4,2.5,\"o/policy.hidden=64,64-s3\"\n");
}

TEST_F(SweepViewTest, TheTableFitsTheScreenAndKeepsWhatRuns) {
  const SweepPlan plan = Plan(40);
  std::vector<SweepRow> rows(40, ReadSweepRow(plan, plan.runs[0]));
  for (SweepRow& row : rows) row.state = SweepState::kFinished;
  rows[38].state = SweepState::kRunning;
  rows[38].progress.env_steps = 500;
  rows[38].progress.steps_per_s = 100;
  rows[39].state = SweepState::kFailed;
  rows[39].failure = "ended with exit code 1";
  const std::vector<std::string> lines = SweepTable(plan, rows, {80, 24});
  ASSERT_LE(lines.size(), 23u);
  EXPECT_EQ(lines[0], "sweep A_b: 38 of 40 finished, 1 running, 1 failed; 5 s left");
  EXPECT_THAT(lines[2], ContainsRegex("s39 +running +500 +50% +100 +5 s"));
  EXPECT_THAT(lines[3], ContainsRegex("s40 +failed +ended with exit code 1"));
  EXPECT_THAT(lines.back(), HasSubstr("more"));
  EXPECT_EQ(SweepTable(plan, rows, {80, 100}).size(), 42u);
}

TEST_F(SweepViewTest, TheSlurmScriptHasOneTaskPerRun) {
  const SweepPlan plan = Plan(6);
  const std::string script =
      SlurmScript(plan, {.jobs = 2, .pmoe = "/opt/pm'oe/pmoe", .folder = "/home/a b"});
  EXPECT_THAT(script, HasSubstr("#SBATCH --array=0-5%2\n"));
  EXPECT_THAT(script, HasSubstr("#SBATCH --job-name=pmoe-a-b\n"));
  EXPECT_THAT(script, HasSubstr("cd '/home/a b' || exit 2\n"));
  EXPECT_THAT(script, HasSubstr("srun '/opt/pm'\\''oe/pmoe' sweep '"));
  EXPECT_THAT(script, HasSubstr("--index \"$SLURM_ARRAY_TASK_ID\"\n"));
  EXPECT_THAT(script, Not(ContainsRegex("\\$[a-z]+\\$")));
}

TEST_F(SweepViewTest, TheKubernetesJobCarriesTheSweepFile) {
  SweepPlan plan = Plan(6);
  plan.out = "runs/a";
  const auto yaml = KubernetesManifest(plan, "out: \"runs/a\"\n\nsteps: 1000\n",
                                       {.jobs = 3, .image = "pmoe-train:1"});
  ASSERT_TRUE(yaml.ok()) << yaml.status();
  EXPECT_THAT(*yaml,
              HasSubstr("  A_b.textproto: |\n    out: \"runs/a\"\n\n    steps: 1000\n---\n"));
  EXPECT_THAT(*yaml, HasSubstr("completions: 6\n  parallelism: 3\n"));
  EXPECT_THAT(*yaml, HasSubstr("image: pmoe-train:1\n"));
  EXPECT_THAT(*yaml, Not(ContainsRegex("\\$[a-z]+\\$")));
}

TEST_F(SweepViewTest, KubernetesTakesNoOtherFilesAlong) {
  SweepPlan plan = Plan(1);
  EXPECT_THAT(KubernetesManifest(plan, "", {}).status(), IsInvalid("must be relative"));
  plan.out = "runs/a";
  plan.runs[0].words.insert(plan.runs[0].words.end(), {"--config", "/a/b"});
  EXPECT_THAT(KubernetesManifest(plan, "", {}).status(), IsInvalid("sweep file alone"));
}

}  // namespace
}  // namespace pmoe
