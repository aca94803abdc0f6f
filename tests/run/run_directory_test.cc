#include "run/run_directory.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "common/base/file.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;

class RunDirectoryTest : public ::testing::Test {
 protected:
  RunDirectory Create() {
    auto directory = RunDirectory::Create(path_);
    EXPECT_OK(directory);
    return *std::move(directory);
  }
  // A run that has begun has its configuration.
  void MarkBegun() { ASSERT_OK(WriteFileAtomic(path_ + "/config.textproto", "x")); }

  TempDir folder_;
  const std::string path_ = folder_.File("run");
};

TEST_F(RunDirectoryTest, OneProcessAtATime) {
  {
    const RunDirectory first = Create();
    MarkBegun();
    EXPECT_THAT(RunDirectory::Open(path_), FailsWith(kRefused, "another process is training"));
  }
  EXPECT_OK(RunDirectory::Open(path_));
}

TEST_F(RunDirectoryTest, AnOldRunIsNotOverwritten) {
  Create();
  MarkBegun();
  EXPECT_THAT(RunDirectory::Create(path_), FailsWith(kRefused, "holds a run already"));
}

TEST_F(RunDirectoryTest, AFolderWithoutARunIsNotOpened) {
  EXPECT_THAT(RunDirectory::Open(folder_.path()),
              FailsWith(absl::StatusCode::kNotFound, "is not a run directory"));
}

TEST_F(RunDirectoryTest, EachLifeOfTheLearnerHasTheNextEpoch) {
  const RunDirectory directory = Create();
  EXPECT_EQ(*directory.NextLearnerEpoch(), 1u);
  EXPECT_EQ(*directory.NextLearnerEpoch(), 2u);
  EXPECT_EQ(*directory.NextLearnerEpoch(), 3u);
}

TEST_F(RunDirectoryTest, AnEpochThatIsNoNumberIsNamed) {
  const RunDirectory directory = Create();
  ASSERT_OK(WriteFileAtomic(directory.File("learner.epoch"), "two\n"));
  EXPECT_THAT(directory.NextLearnerEpoch(),
              FailsWith(absl::StatusCode::kDataLoss, "learner.epoch must hold a number"));
}

TEST_F(RunDirectoryTest, TheRunKeepsItsNameOnTheNetwork) {
  const RunDirectory directory = Create();
  const auto id = directory.RunId();
  ASSERT_OK(id);
  EXPECT_EQ(id->size(), 16u);
  EXPECT_EQ(*directory.RunId(), *id);
}

TEST_F(RunDirectoryTest, TheNewestTableIsTheOneWithTheHighestNumber) {
  const RunDirectory directory = Create();
  EXPECT_THAT(directory.NewestReplay(), FailsWith(absl::StatusCode::kNotFound, "holds no table"));
  for (const char* name : {"900", "1000", "20"}) {
    ASSERT_OK(WriteFileAtomic(directory.ReplayFolder() + "/" + name + ".table", ""));
  }
  EXPECT_EQ(*directory.NewestReplay(), "1000");
}

TEST_F(RunDirectoryTest, ACheckpointExistsOnceItHasItsName) {
  const RunDirectory directory = Create();
  const auto file = directory.PrepareCheckpoint(500);
  ASSERT_OK(file);
  ASSERT_OK(WriteFileAtomic(*file, "state"));
  EXPECT_THAT(directory.NewestCheckpoint(),
              FailsWith(absl::StatusCode::kNotFound, "has no checkpoint yet"));
  ASSERT_OK(directory.CommitCheckpoint(500, /*keep=*/2));
  EXPECT_EQ(*directory.NewestCheckpoint(), 500u);
  EXPECT_EQ(*ReadFile(directory.CheckpointFile(500)), "state");
}

TEST_F(RunDirectoryTest, OldCheckpointsAreDropped) {
  const RunDirectory directory = Create();
  for (const uint64_t steps : {900, 1000, 1100}) {
    ASSERT_OK(directory.PrepareCheckpoint(steps));
    ASSERT_OK(directory.CommitCheckpoint(steps, /*keep=*/2));
  }
  EXPECT_FALSE(std::filesystem::exists(path_ + "/checkpoints/900"));
  EXPECT_TRUE(std::filesystem::exists(path_ + "/checkpoints/1000"));
  EXPECT_EQ(*directory.NewestCheckpoint(), 1100u);
}

}  // namespace
}  // namespace pmoe
