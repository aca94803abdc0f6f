// What a run keeps of its task.
#include "control/wire/env_folder.h"

#include <filesystem>

#include "common/base/file.h"
#include "control/wire/env_identity.h"
#include "gmock/gmock.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;

EnvRecord Record(const std::string& value, const std::string& content) {
  EnvRecord record;
  record.spec.set_id("Task-v0");
  record.spec.set_obs_dim(1);
  record.spec.set_action_dim(1);
  record.spec.add_action_low(-1.0);
  record.spec.add_action_high(1.0);
  record.spec.add_facts()->set_name("task.x");
  record.spec.mutable_facts(0)->set_value(value);
  EnvFileInfo* const file = record.spec.add_files();
  file->set_name("a folder/robot ü.xml");
  file->set_role("model");
  file->set_bytes(content.size());
  file->set_sha256(Sha256(content));
  record.files = {content};
  return record;
}

TEST(EnvFolderTest, ARunOfBeforeKeepsNothing) {
  TempDir run;
  const auto kept = KeptEnv(run.path());
  ASSERT_OK(kept);
  EXPECT_FALSE(kept->has_value());
}

TEST(EnvFolderTest, WhatIsKeptReadsBackTheSame) {
  TempDir run;
  const EnvRecord record = Record("1", "<a/>");
  ASSERT_OK(KeepEnv(run.path(), record));
  const auto kept = KeptEnv(run.path());
  ASSERT_OK(kept);
  EXPECT_TRUE(EnvDifferences(**kept, record.spec).empty());
  EXPECT_EQ(*ReadFile(KeptFile(run.path(), **kept, 0)), "<a/>");
}

TEST(EnvFolderTest, AnotherTaskMovesTheFirstAside) {
  TempDir run;
  ASSERT_OK(KeepEnv(run.path(), Record("1", "<a/>")));
  ASSERT_OK(KeepEnv(run.path(), Record("2", "<b/>")));
  EXPECT_EQ(*ReadFile(run.File("env.1/files/a folder/robot ü.xml")), "<a/>");
  EXPECT_EQ(*ReadFile(run.File("env/files/a folder/robot ü.xml")), "<b/>");
}

TEST(EnvFolderTest, OtherFilesOfTheSameMeaningLeaveTheFirstOnes) {
  TempDir run;
  ASSERT_OK(KeepEnv(run.path(), Record("1", "<a/>")));
  ASSERT_OK(KeepEnv(run.path(), Record("1", "<a/><!-- new -->")));
  EXPECT_FALSE(fs::exists(run.File("env.1")));
  EXPECT_EQ(*ReadFile(run.File("env/files/a folder/robot ü.xml")), "<a/>");
}

TEST(EnvFolderTest, ADamagedRecordIsNamedWithTheFix) {
  TempDir run;
  ASSERT_OK(KeepEnv(run.path(), Record("1", "<a/>")));
  ASSERT_OK(WriteFileAtomic(run.File("env/identity.textproto"), "nonsense"));
  EXPECT_THAT(KeptEnv(run.path()), FailsWith(absl::StatusCode::kFailedPrecondition, "move"));
}

}  // namespace
}  // namespace pmoe
