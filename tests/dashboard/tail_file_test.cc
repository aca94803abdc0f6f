#include "dashboard/tail_file.h"

#include <sys/stat.h>

#include <filesystem>

#include "tests/dashboard/dashboard_testing.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

class TailFileTest : public ::testing::Test {
 protected:
  std::string MustRead() {
    absl::StatusOr<TailFile::News> news = tail_.Read();
    EXPECT_TRUE(news.ok()) << news.status();
    restarted_ = news.ok() && news->restarted;
    return news.ok() ? news->bytes : "";
  }

  TempDir dir_;
  const std::string path_ = dir_.File("log.txt");
  TailFile tail_{path_};
  bool restarted_ = false;
};

TEST_F(TailFileTest, AFileThatIsNotThereYetIsNotFound) {
  EXPECT_TRUE(absl::IsNotFound(tail_.Read().status()));
  Append(path_, "a");
  EXPECT_EQ(MustRead(), "a");
  EXPECT_FALSE(restarted_);
}

TEST_F(TailFileTest, OnlyWhatIsNewIsRead) {
  Append(path_, "one\n");
  EXPECT_EQ(MustRead(), "one\n");
  EXPECT_EQ(MustRead(), "");
  Append(path_, "two\n");
  EXPECT_EQ(MustRead(), "two\n");
}

TEST_F(TailFileTest, AFileThatWasReplacedIsReadAnew) {
  Append(path_, "a long first file\n");
  MustRead();
  Append(dir_.File("other"), "new\n");
  std::filesystem::rename(dir_.File("other"), path_);
  EXPECT_EQ(MustRead(), "new\n");
  EXPECT_TRUE(restarted_);
}

TEST_F(TailFileTest, AFileThatWasCutIsReadAnew) {
  Append(path_, "a long first text\n");
  MustRead();
  std::filesystem::resize_file(path_, 2);
  EXPECT_EQ(MustRead(), "a ");
  EXPECT_TRUE(restarted_);
}

TEST_F(TailFileTest, ALinkIsRefused) {
  std::filesystem::create_symlink("/etc/passwd", path_);
  EXPECT_FALSE(tail_.Read().ok());
}

TEST_F(TailFileTest, APipeIsRefusedWithoutWaiting) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_TRUE(absl::IsFailedPrecondition(tail_.Read().status()));
}

TEST_F(TailFileTest, ALargeFileComesInPieces) {
  Append(path_, std::string(TailFile::kPieceBytes + 10, 'x'));
  EXPECT_EQ(MustRead().size(), TailFile::kPieceBytes);
  EXPECT_EQ(MustRead().size(), 10u);
}

}  // namespace
}  // namespace pmoe
