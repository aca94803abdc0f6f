#include "replay/core/block_file.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "common/base/file.h"
#include "tests/replay/replay_testing.h"
#include "tests/testing/full_disk.h"

namespace pmoe {
namespace {

constexpr auto kDamaged = absl::StatusCode::kDataLoss;

// Two blocks, "hello" of type 7 in two pieces and an empty one of type 8.
absl::Status WriteSample(const std::string& path) {
  auto file = BlockFileWriter::Create(path);
  if (!file.ok()) return file.status();
  if (absl::Status s = (*file)->Write(7, {"hel", "lo"}); !s.ok()) return s;
  if (absl::Status s = (*file)->Write(8, {}); !s.ok()) return s;
  return (*file)->Finish();
}

absl::Status ReadAll(const std::string& path) {
  auto file = BlockFileReader::Open(path);
  if (!file.ok()) return file.status();
  while (true) {
    const auto block = (*file)->Next();
    if (!block.ok()) return block.status();
    if (block->type == kEndBlock) return absl::OkStatus();
  }
}

TEST(BlockFileTest, GivesBackWhatWasWritten) {
  TempDir folder;
  ASSERT_OK(WriteSample(folder.File("a")));
  auto file = BlockFileReader::Open(folder.File("a"));
  ASSERT_OK(file);
  const auto first = (*file)->Next();
  ASSERT_OK(first);
  EXPECT_EQ(first->type, 7u);
  EXPECT_EQ(first->payload, "hello");
  const auto second = (*file)->Next();
  ASSERT_OK(second);
  EXPECT_EQ(second->type, 8u);
  EXPECT_EQ(second->payload, "");
  const auto end = (*file)->Next();
  ASSERT_OK(end);
  EXPECT_EQ(end->type, kEndBlock);
}

TEST(BlockFileTest, HasNoNameBeforeItIsFinished) {
  TempDir folder;
  {
    auto file = BlockFileWriter::Create(folder.File("a"));
    ASSERT_OK(file);
    ASSERT_OK((*file)->Write(1, {"x"}));
    EXPECT_FALSE(std::filesystem::exists(folder.File("a")));
  }
  EXPECT_FALSE(std::filesystem::exists(folder.File("a.tmp")));
}

TEST(BlockFileTest, RefusesEveryTruncation) {
  TempDir folder;
  ASSERT_OK(WriteSample(folder.File("a")));
  for (size_t n = std::filesystem::file_size(folder.File("a")); n-- > 0;) {
    std::filesystem::resize_file(folder.File("a"), n);
    EXPECT_THAT(ReadAll(folder.File("a")), FailsWith(kDamaged, "truncated")) << n;
  }
}

TEST(BlockFileTest, RefusesBytesAfterItsEnd) {
  TempDir folder;
  ASSERT_OK(WriteSample(folder.File("a")));
  const auto bytes = ReadFile(folder.File("a"));
  ASSERT_OK(bytes);
  ASSERT_OK(WriteFileAtomic(folder.File("more"), *bytes + "x"));
  EXPECT_THAT(ReadAll(folder.File("more")), FailsWith(kDamaged, "bytes after its end"));
}

TEST(BlockFileTest, SaysThatAnotherFileIsNotOne) {
  TempDir folder;
  ASSERT_OK(WriteFileAtomic(folder.File("text"), "just some words"));
  EXPECT_THAT(ReadAll(folder.File("text")), FailsWith(kDamaged, "not a saved replay shard"));
  EXPECT_THAT(ReadAll(folder.File("none")), FailsWith(absl::StatusCode::kNotFound, "none"));
}

TEST(BlockFileTest, ReportsAFullDiskWithThePath) {
  TempDir folder;
  absl::Status status;
  {
    const FullDisk full;
    status = WriteSample(folder.File("a"));
  }
  EXPECT_THAT(status, FailsWith(absl::StatusCode::kResourceExhausted, folder.File("a.tmp")));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(BlockFileTest, ALinkThatWasPlantedIsNotFollowed) {
  TempDir folder;
  ASSERT_OK(WriteFileAtomic(folder.File("mine"), "mine"));
  std::filesystem::create_symlink(folder.File("mine"), folder.File("a.tmp"));
  ASSERT_OK(WriteSample(folder.File("a")));
  EXPECT_EQ(*ReadFile(folder.File("mine")), "mine");
}

}  // namespace
}  // namespace pmoe
