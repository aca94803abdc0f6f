// Checkpoints as a run writes and finds them, through every way in which a disk or a kill may spoil
// them. The learner is a number: the real ones need LibTorch, and their states are bytes here.
#include "run/checkpoint.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "control/client/local_run_link.h"
#include "replay/client/direct_replay_client.h"
#include "tests/common/policy/sample_policy.h"
#include "tests/replay/replay_testing.h"
#include "tests/testing/crash_at.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;
constexpr TableSpec kSpec{.obs_dim = 1, .action_dim = 1};

class NumberLearner final : public Learner {
 public:
  absl::Status Update(const Experience&) override { return absl::OkStatus(); }
  uint64_t updates() const override { return 0; }
  std::shared_ptr<const PolicySnapshot> Snapshot(uint64_t version,
                                                 uint64_t env_steps) const override {
    auto snapshot = std::make_shared<PolicySnapshot>(SmallSnapshot());
    snapshot->version = version;
    snapshot->env_steps = env_steps;
    return snapshot;
  }
  LearnerStats DrainStats() override { return {}; }
  void SaveState(ContainerWriter* out) const override { out->Add("number", absl::StrCat(number)); }
  absl::Status LoadState(const ContainerReader& in) override {
    number = std::stoi(std::string(*in.Section("number")));
    return absl::OkStatus();
  }

  int number = 0;
};

class CheckpointTest : public ::testing::Test {
 protected:
  // The learner's number is the steps.
  absl::Status Write(uint64_t env_steps, int keep = 2) {
    learner_.number = static_cast<int>(env_steps);
    RunCheckpoint checkpoint{.env_steps = env_steps,
                             .snapshot = learner_.Snapshot(env_steps, env_steps)};
    checkpoint.run = "loop";
    return WriteCheckpoint(parts_, checkpoint, /*replay=*/true, keep);
  }
  absl::StatusOr<LoadedCheckpoint> LoadNewest(bool replay = true) {
    learner_.number = 0;
    return LoadNewestCheckpoint(parts_, SmallSpec().Hash(), replay);
  }
  void ExpectLoads(uint64_t env_steps) {
    const auto loaded = LoadNewest();
    ASSERT_OK(loaded);
    EXPECT_EQ(loaded->env_steps, env_steps);
    EXPECT_EQ(loaded->run, "loop");
    EXPECT_EQ(learner_.number, static_cast<int>(env_steps));
  }
  std::string State(uint64_t env_steps) const { return directory_->CheckpointFile(env_steps); }
  std::string Table(uint64_t env_steps) const {
    return absl::StrCat(path_, "/replay/", env_steps, ".table");
  }
  static void FlipBit(const std::string& file) {
    std::string bytes = *ReadFile(file);
    bytes[bytes.size() / 2] ^= 1;
    std::ofstream(file, std::ios::binary) << bytes;
  }
  // As the next process finds it: swept, and without what is in memory.
  void Reopen() {
    directory_.reset();
    directory_.emplace(*RunDirectory::Open(path_));
    parts_.directory = &*directory_;
  }

  TempDir dir_;
  const std::string path_ = dir_.File("run");
  std::optional<RunDirectory> directory_ = *RunDirectory::Create(path_);
  std::unique_ptr<ReplayShard> shard_ =
      *ReplayShard::Create({.spec = kSpec, .stage = {.actors = 1}});
  DirectReplayClient client_{shard_.get(), 8, path_ + "/replay"};
  LocalRunLink link_{1};
  NumberLearner learner_;
  RunParts parts_ = {&learner_, &client_, &link_, nullptr, &*directory_, nullptr};
};

TEST_F(CheckpointTest, TheNewestIsLoadedAndEachKeepsItsTable) {
  for (const uint64_t steps : {100, 200, 300}) ASSERT_OK(Write(steps));
  ExpectLoads(300);
  EXPECT_FALSE(fs::exists(Table(100)));
  EXPECT_TRUE(fs::exists(Table(200)));
  EXPECT_TRUE(fs::exists(Table(300)));
}

TEST_F(CheckpointTest, ADamagedNewestIsPassedOverWithItsTable) {
  for (const uint64_t steps : {100, 200}) ASSERT_OK(Write(steps));
  FlipBit(State(200));
  ExpectLoads(100);
  EXPECT_TRUE(fs::exists(path_ + "/checkpoints/200.damaged/state.pmoe"));
  EXPECT_THAT(*ReadFile(path_ + "/log.txt"),
              HasSubstr("passed over the checkpoint at 200 env steps, which is damaged"));
  // It counts no more: what comes has a sound one beside it.
  ASSERT_OK(Write(150));
  EXPECT_THAT(directory_->Checkpoints(), ::testing::ElementsAre(100, 150));
  EXPECT_FALSE(fs::exists(Table(200)));
}

TEST_F(CheckpointTest, OneWithoutAWholeTableIsPassedOverWhereRowsBelongToIt) {
  for (const bool gone : {true, false}) {
    for (const uint64_t steps : {100, 200}) ASSERT_OK(Write(steps));
    if (gone) {
      fs::remove(Table(200));
    } else {
      FlipBit(Table(200));
    }
    ExpectLoads(100);
  }
  ASSERT_OK(Write(300));
  fs::remove(Table(300));
  const auto async = LoadNewest(/*replay=*/false);  // async: rows are not of one moment
  ASSERT_OK(async);
  EXPECT_EQ(async->env_steps, 300u);
}

TEST_F(CheckpointTest, WhereNoneIsWholeEachIsNamedAndStays) {
  for (const uint64_t steps : {100, 200}) ASSERT_OK(Write(steps));
  for (const uint64_t steps : {100, 200}) FlipBit(State(steps));
  const auto loaded = LoadNewest();
  EXPECT_THAT(loaded, FailsWith(kRefused, State(100)));
  EXPECT_THAT(loaded, FailsWith(kRefused, State(200)));
  EXPECT_THAT(loaded, FailsWith(kRefused, "pmoe run verify"));
  EXPECT_EQ(*directory_->NewestCheckpoint(), 200u);
}

TEST_F(CheckpointTest, AnotherArchitectureIsNoDamage) {
  ASSERT_OK(Write(100));
  EXPECT_THAT(LoadNewestCheckpoint(parts_, 1, /*replay=*/true),
              FailsWith(kRefused, "another policy architecture"));
  EXPECT_EQ(*directory_->NewestCheckpoint(), 100u);
}

TEST_F(CheckpointTest, ASavedOneNamesTheLearnersEpochAndTheNewestVersion) {
  parts_.learner_epoch = 4;
  ASSERT_OK(Write(100));
  EXPECT_EQ(directory_->NoteOf(100).learner_epoch, 4u);
  EXPECT_EQ(directory_->NoteOf(100).policy_version, 100u);
}

TEST_F(CheckpointTest, AKillAtEveryStepOfACommitLeavesAWholeOne) {
  std::ofstream(path_ + "/config.textproto") << "a run";
  ASSERT_OK(Write(100, /*keep=*/1));
  long changes = 0;
  for (; DiesInside(changes, [&] { EXPECT_OK(Write(200, /*keep=*/1)); }); ++changes) {
    SCOPED_TRACE(absl::StrCat("killed before change ", changes));
    Reopen();
    const auto loaded = LoadNewest();
    ASSERT_OK(loaded);
    EXPECT_TRUE(loaded->env_steps == 100 || loaded->env_steps == 200);
    EXPECT_EQ(static_cast<uint64_t>(learner_.number), loaded->env_steps);
    // As if it had not been: from 100 again.
    fs::remove_all(path_ + "/checkpoints/200");
    fs::remove(Table(200));
    ASSERT_OK(Write(100, /*keep=*/1));
  }
  EXPECT_GT(changes, 20);
  Reopen();
  ExpectLoads(200);
}

// A run that is stopped twice at one barrier writes its checkpoint again.
TEST_F(CheckpointTest, AKillWhileOneIsReplacedLeavesAWholeOne) {
  std::ofstream(path_ + "/config.textproto") << "a run";
  ASSERT_OK(Write(100, /*keep=*/1));
  for (long changes = 0; DiesInside(changes, [&] { EXPECT_OK(Write(100, /*keep=*/1)); });
       ++changes) {
    SCOPED_TRACE(absl::StrCat("killed before change ", changes));
    Reopen();
    ExpectLoads(100);
  }
}

}  // namespace
}  // namespace pmoe
