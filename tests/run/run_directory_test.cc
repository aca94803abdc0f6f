#include "run/run_directory.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "tests/testing/run_process.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

using ::testing::ElementsAre;

constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;

void WriteText(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::trunc) << text;
}

// The id of a process that has ended.
std::string DeadProcess() {
  std::string id = RunProcess({"/bin/sh", "-c", "echo $$"}).output;
  id.pop_back();
  return id;
}

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

TEST_F(RunDirectoryTest, AnEpochFileThatIsGoneOrTooLowIsNotBelieved) {
  const RunDirectory directory = Create();
  const std::string file = directory.File("learner.epoch");
  ASSERT_OK(directory.SaveCheckpoint(500, "state", {.learner_epoch = 7}, /*keep=*/2));
  ASSERT_OK(WriteFileAtomic(file, "3\n"));
  const auto after_low = directory.NextLearnerEpoch();
  ASSERT_OK(after_low);
  EXPECT_GT(*after_low, 7u);
  for (const auto& spoil : std::vector<std::function<void()>>{
           [&] { std::filesystem::remove(file); },
           [&] { EXPECT_OK(WriteFileAtomic(file, "two\n")); },
       }) {
    spoil();
    const auto epoch = directory.NextLearnerEpoch();
    ASSERT_OK(epoch);
    EXPECT_GT(*epoch, *after_low);  // log.txt names that one, and no checkpoint does
  }
}

TEST_F(RunDirectoryTest, AnEpochThatNothingNamesIsAskedFor) {
  const RunDirectory directory = Create();
  ASSERT_OK(WriteFileAtomic(directory.File("learner.epoch"), "two\n"));
  EXPECT_THAT(directory.NextLearnerEpoch(),
              FailsWith(kRefused, "learner.epoch must hold a number"));
  ASSERT_OK(WriteFileAtomic(directory.File("learner.epoch"), "70000\n"));
  EXPECT_THAT(directory.NextLearnerEpoch(), FailsWith(kRefused, "learner.epoch says 70000"));
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
  EXPECT_TRUE(directory.Tables().empty());
  for (const char* name : {"900", "1000", "20", "mine"}) {
    ASSERT_OK(WriteFileAtomic(directory.ReplayFolder() + "/" + name + ".table", ""));
  }
  EXPECT_THAT(directory.Tables(), ElementsAre("1000", "900", "20"));
}

TEST_F(RunDirectoryTest, ACheckpointExistsOnceItsStateDoes) {
  const RunDirectory directory = Create();
  ASSERT_OK(MakeDirs(path_ + "/checkpoints/500"));
  EXPECT_THAT(directory.NewestCheckpoint(),
              FailsWith(absl::StatusCode::kNotFound, "has no checkpoint yet"));
  ASSERT_OK(directory.SaveCheckpoint(500, "state", {}, /*keep=*/2));
  EXPECT_EQ(*directory.NewestCheckpoint(), 500u);
  EXPECT_EQ(*ReadFile(directory.CheckpointFile(500)), "state");
}

TEST_F(RunDirectoryTest, OldCheckpointsAreDroppedAndTheirTablesNotNamedAnyMore) {
  const RunDirectory directory = Create();
  for (const uint64_t steps : {900, 1000, 1100}) {
    ASSERT_OK(directory.SaveCheckpoint(steps, "", {.table = absl::StrCat(steps)}, /*keep=*/2));
  }
  EXPECT_THAT(directory.Checkpoints(), ElementsAre(1000, 1100));
  EXPECT_FALSE(std::filesystem::exists(path_ + "/checkpoints/900"));
  EXPECT_THAT(directory.TablesOfCheckpoints(), ElementsAre("1000", "1100"));
}

TEST_F(RunDirectoryTest, ANoteThatIsGoneNamesTheTableOfItsSteps) {
  const RunDirectory directory = Create();
  ASSERT_OK(directory.SaveCheckpoint(900, "", {3, 41, "800"}, /*keep=*/2));
  EXPECT_EQ(directory.NoteOf(900).policy_version, 41u);
  EXPECT_EQ(directory.NoteOf(900).table, "800");
  std::filesystem::remove(path_ + "/checkpoints/900/about.txt");
  EXPECT_EQ(directory.NoteOf(900).table, "900");
}

TEST_F(RunDirectoryTest, OneSetAsideCountsNoMoreAndIsKept) {
  const RunDirectory directory = Create();
  ASSERT_OK(directory.SaveCheckpoint(900, "old", {}, /*keep=*/2));
  ASSERT_OK(directory.SaveCheckpoint(1000, "new", {}, /*keep=*/2));
  const auto aside = directory.SetAside(1000);
  ASSERT_OK(aside);
  EXPECT_EQ(*directory.NewestCheckpoint(), 900u);
  EXPECT_EQ(*ReadFile(*aside + "/state.pmoe"), "new");
}

// The next start finds what a killed process was writing.
TEST_F(RunDirectoryTest, WhatWasHalfWrittenIsRemovedAtTheNextStart) {
  const std::string dead = "." + DeadProcess() + "-0.tmp";
  {
    const RunDirectory directory = Create();
    MarkBegun();
    ASSERT_OK(directory.SaveCheckpoint(900, "state", {}, /*keep=*/2));
  }
  for (const std::string& file :
       {"metrics.csv" + dead, "snapshots/best.pmoe" + dead, "checkpoints/900/state.pmoe" + dead}) {
    WriteText(path_ + "/" + file, "half");
  }
  WriteText(path_ + "/notes.tmp", "mine");
  ASSERT_OK(MakeDirs(path_ + "/checkpoints/1000"));
  ASSERT_OK(RunDirectory::Open(path_));
  std::vector<std::string> left;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path_)) {
    if (entry.path().extension() == ".tmp") left.push_back(entry.path().filename());
  }
  EXPECT_THAT(left, ElementsAre("notes.tmp"));
  EXPECT_FALSE(std::filesystem::exists(path_ + "/checkpoints/1000"));
  EXPECT_EQ(*ReadFile(path_ + "/checkpoints/900/state.pmoe"), "state");
}

// Files of builds that gave a checkpoint's folder its name last.
TEST_F(RunDirectoryTest, AWholeCheckpointThatHadNoNameYetIsFound) {
  Create();
  MarkBegun();
  ASSERT_OK(MakeDirs(path_ + "/checkpoints/700.partial"));
  ASSERT_OK(MakeDirs(path_ + "/checkpoints/700"));
  WriteText(path_ + "/checkpoints/700.partial/state.pmoe", "state");
  const auto directory = RunDirectory::Open(path_);
  ASSERT_OK(directory);
  EXPECT_EQ(*directory->NewestCheckpoint(), 700u);
}

}  // namespace
}  // namespace pmoe
