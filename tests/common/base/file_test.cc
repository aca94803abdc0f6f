#include "common/base/file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/file_lock.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;

class FileTest : public ::testing::Test {
 protected:
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(dir_.path())) {
      names.push_back(entry.path().filename());
    }
    return names;
  }

  TempDir dir_;
};

TEST_F(FileTest, AWrittenFileIsAllThatIsLeft) {
  ASSERT_OK(WriteFileAtomic(dir_.File("a"), "one"));
  ASSERT_OK(WriteFileAtomic(dir_.File("a"), "two"));
  EXPECT_EQ(*ReadFile(dir_.File("a")), "two");
  EXPECT_THAT(Names(), ::testing::ElementsAre("a"));
}

// Somebody who may write into the folder could make us overwrite any file of ours.
TEST_F(FileTest, APlantedLinkIsNotFollowed) {
  std::ofstream(dir_.File("mine")) << "mine";
  for (const std::string& name : {absl::StrCat("a.", ::getpid(), "-0.tmp"), std::string("a.tmp")}) {
    fs::create_symlink(dir_.File("mine"), dir_.File(name));
  }
  for (int i = 0; i < 3; ++i) ASSERT_OK(WriteFileAtomic(dir_.File("a"), "text"));
  EXPECT_EQ(*ReadFile(dir_.File("mine")), "mine");
  EXPECT_EQ(*ReadFile(dir_.File("a")), "text");
  EXPECT_THAT(CreateNewFile(dir_.File("a.tmp")),
              FailsWith(absl::StatusCode::kAlreadyExists, "a.tmp"));
}

TEST_F(FileTest, WritersOfOneFileLeaveOneOfTheirTexts) {
  std::vector<std::thread> writers;
  for (const char letter : {'a', 'b', 'c'}) {
    writers.emplace_back([&, letter] {
      for (int i = 0; i < 50; ++i) {
        EXPECT_OK(WriteFileAtomic(dir_.File("file"), std::string(9000, letter)));
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  const std::string text = *ReadFile(dir_.File("file"));
  EXPECT_EQ(text, std::string(9000, text[0]));
  EXPECT_THAT(Names(), ::testing::ElementsAre("file"));
}

TEST_F(FileTest, APipeOfThatNameIsRefusedAtOnce) {
  ASSERT_EQ(::mkfifo(dir_.File("pipe").c_str(), 0600), 0);
  EXPECT_THAT(ReadFile(dir_.File("pipe")),
              FailsWith(absl::StatusCode::kNotFound, "is not a regular file"));
}

TEST_F(FileTest, ALockIsHeldOnceAndItsHolderIsNamed) {
  const std::string path = dir_.File("lock");
  EXPECT_FALSE(FileLock::IsHeld(path));
  {
    const auto lock = FileLock::TryFile(path);
    ASSERT_OK(lock);
    ASSERT_TRUE(lock->has_value());
    EXPECT_TRUE(FileLock::IsHeld(path));
    EXPECT_EQ(FileLock::Holder(path), ::getpid());
    EXPECT_FALSE((*FileLock::TryFile(path)).has_value());
    fs::rename(path, dir_.File("other"));
    EXPECT_FALSE((*lock)->IsStill(path));
    EXPECT_TRUE((*lock)->IsStill(dir_.File("other")));
  }
  EXPECT_FALSE(FileLock::IsHeld(dir_.File("other")));
  EXPECT_EQ(FileLock::Holder(dir_.File("other")), 0);
}

// Whoever started in the moment of somebody's look, which shares the lock, was refused.
TEST_F(FileTest, WhoLooksWhetherALockIsHeldKeepsNobodyFromTakingIt) {
  const std::string path = dir_.File("lock");
  const int look = ::open(path.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_EQ(::flock(look, LOCK_SH), 0);
  std::atomic<bool> begun{false};
  bool taken = false;
  std::thread taker([&] {
    begun = true;
    const auto lock = FileLock::TryFile(path);
    taken = lock.ok() && lock->has_value();
  });
  while (!begun) std::this_thread::yield();
  for (int i = 0; i < 100; ++i) FileLock::IsHeld(path);  // it is at it by now
  ::close(look);
  taker.join();
  EXPECT_TRUE(taken);
}

}  // namespace
}  // namespace pmoe
