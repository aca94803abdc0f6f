#include "common/base/log.h"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_split.h"
#include "gmock/gmock.h"

namespace pmoe {
namespace {

using ::testing::EndsWith;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

constexpr char kErase[] = "\r\x1b[K";

class LogTest : public ::testing::Test {
 protected:
  ~LogTest() override {
    std::fclose(out_);
    std::free(text_);
  }

  // What was written since the last call.
  std::string Written() {
    std::fflush(out_);
    const std::string fresh(text_ + seen_, size_ - seen_);
    seen_ = size_;
    return fresh;
  }

  char* text_ = nullptr;
  size_t size_ = 0;
  size_t seen_ = 0;
  std::FILE* const out_ = ::open_memstream(&text_, &size_);
  Logger file_{out_, /*terminal=*/false};
  Logger terminal_{out_, /*terminal=*/true};
};

TEST_F(LogTest, ALineSaysWhenWhoAndHowBad) {
  file_.Write(LogLevel::kInfo, "listening");
  EXPECT_THAT(Written(),
              MatchesRegex("2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z "
                           "pmoe INFO: listening\n"));
  file_.SetRole("actor 3");
  file_.Write(LogLevel::kWarning, "the disk is full");
  EXPECT_THAT(Written(), EndsWith("Z actor 3 WARNING: the disk is full\n"));
  file_.Write(LogLevel::kError, "lost");
  EXPECT_THAT(Written(), EndsWith("Z actor 3 ERROR: lost\n"));
}

TEST_F(LogTest, AThreadMaySpeakForARunOfItsOwn) {
  file_.SetRole("train");
  std::thread([&] {
    Logger::SetThreadRole("train seed 3");
    file_.Write(LogLevel::kWarning, "slow");
    EXPECT_THAT(Written(), EndsWith("Z train seed 3 WARNING: slow\n"));
    Logger::SetThreadRole("");
    file_.Write(LogLevel::kWarning, "done");
  }).join();
  EXPECT_THAT(Written(), EndsWith("Z train WARNING: done\n"));
}

// What a peer or a file put into a message must not look like a line of ours.
TEST_F(LogTest, AMessageIsOneLine) {
  file_.Write(LogLevel::kInfo, "no\nINFO: yes\r!");
  EXPECT_THAT(Written(), EndsWith("INFO: no INFO: yes !\n"));
}

TEST_F(LogTest, APrintedLineIsAsItIs) {
  file_.Print("pmoe: no such run");
  EXPECT_EQ(Written(), "pmoe: no such run\n");
}

TEST_F(LogTest, MessagesAppearAboveTheLiveLine) {
  terminal_.DrawLive("50 %");
  EXPECT_EQ(Written(), std::string(kErase) + "50 %");
  terminal_.Write(LogLevel::kInfo, "saved a checkpoint");
  const std::string written = Written();
  EXPECT_THAT(written, StartsWith(kErase));
  EXPECT_THAT(written, EndsWith("INFO: saved a checkpoint\n50 %"));
  terminal_.KeepLive();
  EXPECT_EQ(Written(), std::string(kErase) + "50 %\n");
  terminal_.Print("done");
  EXPECT_EQ(Written(), std::string(kErase) + "done\n");
}

TEST_F(LogTest, AnErasedLineDoesNotComeBack) {
  terminal_.DrawLive("50 %");
  terminal_.EraseLive();
  EXPECT_EQ(Written(), std::string(kErase) + "50 %" + kErase);
  terminal_.KeepLive();
  EXPECT_EQ(Written(), "");
}

TEST_F(LogTest, AFileHasNoLiveLine) {
  file_.DrawLive("50 %");
  file_.KeepLive();
  EXPECT_EQ(Written(), "");
  std::FILE* const file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(Logger(file, /*terminal=*/false).columns(), 80);
  std::fclose(file);
}

TEST_F(LogTest, LinesOfManyThreadsStayWhole) {
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([this] {
        for (int line = 0; line < 50; ++line) file_.Write(LogLevel::kInfo, "a whole line");
      });
    }
  }
  const std::vector<std::string> lines = absl::StrSplit(Written(), '\n', absl::SkipEmpty());
  EXPECT_EQ(lines.size(), 200u);
  for (const std::string& line : lines) EXPECT_THAT(line, EndsWith("Z pmoe INFO: a whole line"));
}

}  // namespace
}  // namespace pmoe
