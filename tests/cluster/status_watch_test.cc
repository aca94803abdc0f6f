// `pmoe status --watch` beside a cluster whose learner is killed, and beside one that stops.
#include <signal.h>

#include "absl/strings/str_split.h"
#include "tests/cluster/cluster_testing.h"
#include "tests/testing/terminal.h"

namespace pmoe {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(StatusWatchTest, OutlivesALearnerAndShowsTheNextOne) {
  const TempDir dir;
  Cluster cluster(dir.File("run"), SmallFlags("InvertedPendulum-v5",
                                              {"--steps", "10000000", "--out", dir.File("run"),
                                               "--set", "checkpoint.every_steps=500", "--set",
                                               "checkpoint.every_seconds=1"}));
  ASSERT_TRUE(Eventually([&] { return cluster.Updates() > 200; }));
  ChildProcess watch({Binary("pmoe"), "status", "--run", dir.File("run"), "--watch", "--json"});
  ASSERT_TRUE(watch.ReadUntil("\"learner_epoch\":\"1\""));
  ASSERT_TRUE(watch.ReadUntil("\"free_bytes\""));
  cluster.KillAndAwaitRestart("learner");
  ASSERT_TRUE(watch.ReadUntil("\"learner_epoch\":\"2\""));
  watch.Signal(SIGINT);
  EXPECT_EQ(watch.Wait().exit_code, 0);
}

// A program whose output goes to a terminal. Killed with this.
class OnTerminal {
 public:
  OnTerminal(Terminal* terminal, std::vector<std::string> words) {
    pid_ = ::fork();
    PMOE_CHECK(pid_ >= 0);
    if (pid_ > 0) return;
    ::dup2(terminal->inner(), STDOUT_FILENO);
    ::setenv("TERM", "xterm", 1);
    ::unsetenv("NO_COLOR");
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  ~OnTerminal() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

 private:
  pid_t pid_ = -1;
};

// The next drawing that says `text`; of thirty at most. The last one if none does.
std::string DrawingWith(Terminal* terminal, const std::string& text) {
  std::string drawn;
  for (int i = 0; i < 30 && drawn.find(text) == std::string::npos; ++i) drawn = terminal->Read();
  return drawn;
}

TEST(StatusWatchTest, OnATerminalItFitsIsColouredAndTellsWhereARunStopped) {
  const TempDir dir;
  Cluster cluster(dir.File("run"),
                  SmallFlags("InvertedPendulum-v5",
                             {"--steps", "10000000", "--actors", "3", "--out", dir.File("run")}));
  ASSERT_TRUE(Eventually([&] { return cluster.Updates() > 200; }));
  for (const auto& [columns, lines] : {std::pair{80, 24}, std::pair{200, 60}}) {
    Terminal terminal(columns, lines);
    OnTerminal watch(&terminal, {Binary("pmoe"), "status", "--run", dir.File("run"), "--watch"});
    const std::string drawn = DrawingWith(&terminal, "actor 2");
    EXPECT_THAT(drawn, HasSubstr("\x1b[32mrunning\x1b[0m"));
    EXPECT_THAT(drawn, ContainsRegex("actor 2 .*running .*MB"));
    EXPECT_THAT(drawn, ContainsRegex("replay 0 .*running .*rows"));
    const std::vector<std::string> shown = absl::StrSplit(drawn, "\x1b[K\r\n");
    EXPECT_LE(shown.size(), static_cast<size_t>(lines));
  }
  Terminal terminal(80, 24);
  OnTerminal watch(&terminal, {Binary("pmoe"), "status", "--run", dir.File("run"), "--watch",
                               "--color", "never", "--sort", "index"});
  EXPECT_THAT(DrawingWith(&terminal, "actor 2"), Not(HasSubstr("\x1b[32m")));
  cluster.up().Signal(SIGINT);
  const std::string stopped = DrawingWith(&terminal, "stopped at");
  EXPECT_THAT(stopped, ContainsRegex("stopped at [1-9][0-9]* of 10000000 env steps"));
  EXPECT_THAT(stopped, ContainsRegex("go on from its checkpoint at [0-9]+ with: "));
  EXPECT_THAT(stopped, HasSubstr("--resume"));
  EXPECT_EQ(cluster.up().Wait().exit_code, 0);
}

TEST(StatusWatchTest, AFieldThatIsNoneIsRefusedWithThoseThatAre) {
  const ProcessResult result = RunProcess({Binary("pmoe"), "status", "--watch", "--sort", "speed"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.output, ContainsRegex("--sort.*speed.*"));
  EXPECT_THAT(result.output, HasSubstr("blocked"));
}

}  // namespace
}  // namespace pmoe
