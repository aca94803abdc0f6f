#include "common/base/log.h"

#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/clock.h"
#include "gmock/gmock.h"
#include "tests/testing/written_file.h"

namespace pmoe {
namespace {

using ::testing::EndsWith;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

constexpr char kErase[] = "\r\x1b[K";

class LogTest : public ::testing::Test {
 protected:
  // What was written since the last call.
  std::string Written() { return out_.Fresh(); }

  WrittenFile out_;
  Logger file_{out_.fd(), /*terminal=*/false};
  Logger terminal_{out_.fd(), /*terminal=*/true};
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
  EXPECT_EQ(file_.columns(), 80);
}

// A stopped terminal, a dead ssh connection, `pmoe up | less`.
TEST_F(LogTest, NobodyWhoStopsReadingStopsTheWriter) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  Logger pipe(ends[1], /*terminal=*/false);
  const std::string text(1000, 'x');
  const Clock::Time begin = Clock::Real()->Now();
  for (int i = 0; i < 1000; ++i) pipe.Print(absl::StrCat(i, text));
  EXPECT_LT(Clock::Real()->Now() - begin, std::chrono::seconds(30));  // 1, but for the machine's
  const auto read = [&] {
    std::string bytes(1 << 20, '\0');
    bytes.resize(static_cast<size_t>(::read(ends[0], bytes.data(), bytes.size())));
    return bytes;
  };
  std::string taken = read();
  pipe.Write(LogLevel::kInfo, "on we go");
  taken += read();
  const std::vector<std::string> lines = absl::StrSplit(taken, '\n', absl::SkipEmpty());
  ASSERT_GT(lines.size(), 30u);
  for (size_t i = 0; i + 2 < lines.size(); ++i) EXPECT_EQ(lines[i], absl::StrCat(i, text));
  EXPECT_THAT(lines[lines.size() - 2],
              EndsWith(absl::StrCat("pmoe WARNING: ", 1002 - lines.size(),
                                    " texts before this one are missing: nobody took them")));
  EXPECT_THAT(lines.back(), EndsWith("on we go"));
  ::close(ends[0]);
  ::close(ends[1]);
}

// Somebody who takes a little again and again, over a bad line: each line may not cost a second.
TEST_F(LogTest, NorDoesWhoReadsSlowly) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  std::atomic<bool> over{false};
  std::jthread reader([&] {
    std::string some(4096, '\0');
    while (!over) {
      Clock::Real()->Sleep(std::chrono::milliseconds(200));
      (void)!::read(ends[0], some.data(), some.size());
    }
  });
  const Clock::Time begin = Clock::Real()->Now();
  {
    Logger pipe(ends[1], /*terminal=*/false);
    for (int i = 0; i < 400; ++i) pipe.Print(std::string(1000, 'x'));  // 16 pipes' worth at 20 kB/s
  }
  EXPECT_LT(Clock::Real()->Now() - begin, std::chrono::seconds(10));  // 1, but for the machine's
  over = true;
  ::close(ends[1]);
  reader.join();
  ::close(ends[0]);
}

// As above, where the pipe is another user's (`sudo -u`) and cannot be opened anew.
TEST_F(LogTest, NorWhoeverHoldsAPipeOfAnotherUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_EQ(::seteuid(65534), 0);
  {
    Logger pipe(ends[1], /*terminal=*/false);
    const Clock::Time begin = Clock::Real()->Now();
    for (int i = 0; i < 1000; ++i) pipe.Print(std::string(1000, 'x'));
    EXPECT_LT(Clock::Real()->Now() - begin, std::chrono::seconds(30));
  }
  ASSERT_EQ(::seteuid(0), 0);
  ::close(ends[0]);
  ::close(ends[1]);
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
