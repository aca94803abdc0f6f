#include "run/run_check.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <optional>

#include "absl/strings/str_join.h"
#include "common/base/file.h"
#include "common/config/run_config.h"
#include "common/config/run_config_file.h"
#include "common/policy/container.h"
#include "replay/core/journal_record.h"
#include "replay/core/replay_shard.h"
#include "replay/log/segment_format.h"
#include "replay/log/segment_log.h"
#include "replay/log/segment_writer.h"
#include "run/run_directory.h"
#include "run/run_log.h"
#include "tests/common/policy/sample_policy.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;

RunConfig SomeConfig() {
  ConfigSources sources;
  sources.flags = {{"env.id", "Hopper-v5"}};
  return *ResolveConfig(sources);
}

std::string State() { return ContainerWriter().Finish({.kind = ContainerKind::kCheckpoint}); }

// An async run, whose checkpoints need no table.
class RunCheckTest : public ::testing::Test {
 protected:
  void SetUp() override {
    RunConfig config = SomeConfig();
    config.mutable_schedule()->set_mode("async");
    ASSERT_OK(WriteFileAtomic(path_ + "/config.textproto", RunConfigText(config)));
    ASSERT_OK(WriteFileAtomic(path_ + "/metrics.csv", Row("") + Row("100") + Row("200")));
    ASSERT_OK(directory_->NextLearnerEpoch());
    for (const uint64_t steps : {100, 200}) {
      ASSERT_OK(directory_->SaveCheckpoint(steps, State(), {.learner_epoch = 1}, /*keep=*/2));
    }
    ASSERT_OK(WriteFileAtomic(path_ + "/snapshots/latest.pmoe", SmallSnapshot().Encode()));
  }
  // A row of metrics.csv that has only env steps; "": the columns' names.
  static std::string Row(const std::string& env_steps) {
    const std::vector<std::string> columns = MetricColumns(SomeConfig().policy().primitives());
    if (env_steps.empty()) return absl::StrJoin(columns, ",") + "\n";
    return env_steps + std::string(columns.size() - 1, ',') + "\n";
  }
  RunCheck Check() const { return *CheckRun(path_); }
  void Write(const std::string& name, const std::string& text) {
    ASSERT_OK(WriteFileAtomic(path_ + "/" + name, text));
  }

  TempDir dir_;
  const std::string path_ = dir_.File("run");
  std::optional<RunDirectory> directory_ = *RunDirectory::Create(path_);
};

TEST_F(RunCheckTest, ASoundRunIsToldWhole) {
  const RunCheck check = Check();
  EXPECT_THAT(check.damages, IsEmpty());
  EXPECT_EQ(check.label, "Hopper-v5 pmoe_sac seed 1");
  EXPECT_EQ(check.metric_rows, 2);
  EXPECT_EQ(check.metric_steps, 200);
  EXPECT_EQ(check.learner_epoch, 1u);
  EXPECT_EQ(check.resumes_at, 200u);
  EXPECT_TRUE(check.locked);
  EXPECT_EQ(check.holder, ::getpid());
  directory_.reset();
  EXPECT_FALSE(Check().locked);
}

TEST_F(RunCheckTest, ADamagedNewestCheckpointIsNamedAndTheOlderOneResumes) {
  Write("checkpoints/200/state.pmoe", State().substr(1));
  const RunCheck check = Check();
  EXPECT_THAT(check.damages, ElementsAre(HasSubstr(path_ + "/checkpoints/200/state.pmoe")));
  EXPECT_EQ(check.resumes_at, 100u);
}

TEST_F(RunCheckTest, EveryOtherFileIsLookedAtToo) {
  Write("learner.epoch", "0\n");
  Write("metrics.csv", Row("") + Row("100") + "2");
  Write("snapshots/best.pmoe", "nonsense");
  Write("replay/200.table", "nonsense");
  Write("checkpoints/100/about.txt", "nonsense");
  const RunCheck check = Check();
  EXPECT_THAT(check.damages, ElementsAre(HasSubstr("learner.epoch says 0"),
                                         HasSubstr("metrics.csv has lines"), HasSubstr("200.table"),
                                         HasSubstr("100/about.txt"), HasSubstr("best.pmoe")));
  EXPECT_EQ(check.resumes_at, 200u);  // an async run gathers rows anew
}

TEST_F(RunCheckTest, AShardsLogIsReadToItsEnd) {
  const std::string shard = path_ + "/replay/1";
  ASSERT_OK(MakeDirs(shard));
  SegmentWriter writer(shard, "columns", /*segment_bytes=*/1 << 20);
  ASSERT_OK(writer.Write(0, {EncodeRecord(TableBegun()), EncodeRecord(ActorCut{0, 1})}));
  RunCheck check = Check();
  EXPECT_THAT(check.damages, IsEmpty());
  ASSERT_EQ(check.logs.size(), 1u);
  EXPECT_EQ(check.logs[0].name, "1");
  EXPECT_EQ(check.logs[0].records, 2u);

  const std::string segment = shard + "/" + SegmentName(0);
  const std::string whole = *ReadFile(segment);
  ASSERT_OK(WriteFileAtomic(segment, whole.substr(0, whole.size() - 1)));
  check = Check();
  EXPECT_THAT(check.damages, IsEmpty()) << "a write that was cut off";
  EXPECT_EQ(check.logs[0].records, 1u);
  EXPECT_GT(check.logs[0].torn_bytes, 0u);

  std::string flipped = whole;
  flipped[flipped.size() - EncodeRecord(ActorCut{0, 1}).size() - kFrameHeadBytes - 1] ^= 1;
  ASSERT_OK(WriteFileAtomic(segment, flipped));
  EXPECT_THAT(Check().damages, ElementsAre(HasSubstr("record 0 is damaged")));
}

TEST_F(RunCheckTest, DamageOfALogThatATableHasPassedHarmsNobody) {
  const std::string folder = path_ + "/replay";
  const auto log = SegmentLog::Start({.dir = folder, .acks_wait = true});
  ReplayShardOptions options;
  options.spec = {.obs_dim = 2, .action_dim = 1};
  auto shard = ReplayShard::Create(options);
  ASSERT_OK(shard);
  (*shard)->StartJournal(log.get(), /*begins=*/true);
  ASSERT_OK((*shard)->ResumeInsert({.first_seq_held = 1}));
  ASSERT_OK((*shard)->Save(folder + "/100.table", /*number=*/1));
  ASSERT_OK((*shard)->ResumeInsert({.first_seq_held = 2}));
  ASSERT_OK(log->AwaitAck([] { return false; }));

  const std::string segment = folder + "/" + SegmentName(0);
  std::string bytes = *ReadFile(segment);
  const size_t first = EncodeSegmentHead(0, "").size() + kFrameHeadBytes;
  bytes[first + EncodeRecord(TableBegun()).size() + kFrameHeadBytes] ^= 1;  // of record 1
  ASSERT_OK(WriteFileAtomic(segment, bytes));
  const RunCheck check = Check();
  EXPECT_THAT(check.damages, IsEmpty());
  ASSERT_EQ(check.logs.size(), 1u);
  EXPECT_EQ(check.logs[0].records, 1u);
  std::filesystem::remove(folder + "/100.table");
  EXPECT_THAT(Check().damages, ElementsAre(HasSubstr("record 1 is damaged")));
}

TEST_F(RunCheckTest, ATableThatAShardSavedAsideIsLookedAtToo) {
  Write("replay/aside-3.table", "nonsense");
  EXPECT_THAT(Check().damages, ElementsAre(HasSubstr("aside-3.table")));
}

TEST_F(RunCheckTest, WithoutItsConfigurationItCannotBeResumed) {
  const std::string text = *ReadFile(path_ + "/config.textproto");
  std::string flipped = text;
  flipped[flipped.find("seed: 1") + 6] = '3';
  for (const std::string& spoilt : {flipped, text.substr(0, text.size() / 2), std::string()}) {
    Write("config.textproto", spoilt);
    const RunCheck check = Check();
    EXPECT_THAT(check.damages, ElementsAre(HasSubstr(path_ + "/config.textproto")));
    EXPECT_FALSE(check.resumes_at.has_value());
  }
}

TEST_F(RunCheckTest, MetricsOfOtherColumnsMustBeMovedAway) {
  Write("metrics.csv", "env_steps,score\n100,50\n");
  const RunCheck check = Check();
  EXPECT_THAT(check.damages, ElementsAre(HasSubstr("move it away to resume")));
  EXPECT_FALSE(check.resumes_at.has_value());
}

TEST_F(RunCheckTest, WhatIsNoRunIsRefused) {
  EXPECT_THAT(CheckRun(dir_.path()), FailsWith(absl::StatusCode::kNotFound, "no config.textproto"));
}

TEST(RunConfigFileTest, AnEditedConfigurationIsTakenWithoutItsLastLine) {
  TempDir dir;
  std::string text = RunConfigText(SomeConfig());
  const auto read = [&] {
    EXPECT_OK(WriteFileAtomic(dir.File("config.textproto"), text));
    return ReadValidRunConfig(dir.path());
  };
  EXPECT_OK(read());
  text[text.find("seed: 1") + 6] = '3';
  EXPECT_THAT(read(), FailsWith(kRefused, "is not as the run wrote it"));
  text.resize(text.rfind("# crc32c"));
  const auto edited = read();
  ASSERT_OK(edited);
  EXPECT_EQ(edited->seed(), 3u);
}

TEST(RunConfigFileTest, AnUnknownChoiceIsNamedWithItsFieldAndFile) {
  TempDir dir;
  RunConfig config = SomeConfig();
  config.mutable_schedule()->set_mode("lockstop");
  ASSERT_OK(WriteFileAtomic(dir.File("config.textproto"), PrintConfig(config)));
  EXPECT_THAT(ReadValidRunConfig(dir.path()),
              FailsWith(kRefused, dir.File("config.textproto") + ": schedule.mode must be"));
}

}  // namespace
}  // namespace pmoe
