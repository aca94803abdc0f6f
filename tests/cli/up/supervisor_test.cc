// Real children: small shell scripts.
#include "cli/up/supervisor.h"

#include <signal.h>

#include <fstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "gmock/gmock.h"
#include "nlohmann/json.hpp"
#include "tests/testing/eventually.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SupervisorTest : public ::testing::Test {
 protected:
  SupervisorTest() {
    options_.pid_file = folder_.File("cluster.json");
    options_.finished = [this] { return finished_.load(); };
    options_.learner_grace = options_.grace = std::chrono::seconds(5);
  }
  void Add(ProcessKind kind, const std::string& name, const std::string& script) {
    options_.processes.push_back({kind, name, folder_.File(name + ".log"), [script] {
                                    return std::vector<std::string>{"/bin/sh", "-c", script};
                                  }});
  }
  // Ends in order on SIGTERM and notes it.
  std::string WaitScript(const std::string& name) const {
    return absl::StrCat("trap 'echo ", name, " >> ", folder_.File("ends"),
                        "; exit 0' TERM; echo up >> ", folder_.File(name + ".up"),
                        "; while :; do sleep 0.05; done");
  }
  // Runs the supervisor beside the test; Wait gives its end.
  void Start() {
    thread_ = std::thread([this] { status_ = Supervisor(options_).Run(interrupted_); });
  }
  absl::Status Wait() {
    thread_.join();
    return status_;
  }
  std::vector<std::string> Lines(const std::string& file) const {
    std::ifstream in(folder_.File(file));
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }
  // A member of cluster.json; null while it is not there.
  nlohmann::json Find(const std::string& name) const {
    const auto text = ReadFile(options_.pid_file);
    if (!text.ok()) return {};
    for (const auto& entry : nlohmann::json::parse(*text)) {
      if (entry["name"] == name) return entry;
    }
    return {};
  }
  // Once it runs its script; 0 if it never does.
  pid_t AwaitUp(const std::string& name) const {
    pid_t pid = 0;
    EXPECT_TRUE(Eventually([&] {
      const nlohmann::json entry = Find(name);
      pid = entry.is_null() ? 0 : entry["pid"].get<pid_t>();
      return pid > 0 && !Lines(name + ".up").empty();
    })) << name;
    return pid;
  }
  TempDir folder_;
  std::atomic<bool> finished_{false}, interrupted_{false};
  SupervisorOptions options_;
  absl::Status status_;
  std::thread thread_;
};

TEST_F(SupervisorTest, EndsTheLearnerThenActorsThenReplay) {
  Add(ProcessKind::kReplay, "replay", WaitScript("replay"));
  Add(ProcessKind::kActor, "actor", WaitScript("actor"));
  Add(ProcessKind::kLearner, "learner", WaitScript("learner"));
  Start();
  std::vector<pid_t> pids;
  for (const char* name : {"replay", "actor", "learner"}) pids.push_back(AwaitUp(name));
  interrupted_ = true;
  EXPECT_OK(Wait());
  EXPECT_THAT(Lines("ends"), ElementsAre("learner", "actor", "replay"));
  for (const pid_t pid : pids) EXPECT_NE(::kill(pid, 0), 0) << pid;
}

TEST_F(SupervisorTest, StartsAgainWhatDies) {
  Add(ProcessKind::kActor, "actor", WaitScript("actor"));
  Start();
  const pid_t pid = AwaitUp("actor");
  ASSERT_GT(pid, 0);
  ::kill(pid, SIGKILL);
  EXPECT_TRUE(Eventually([&] { return Lines("actor.up").size() == 2; }));
  EXPECT_TRUE(Eventually([&] { return Find("actor")["restarts"] == 1; }));
  interrupted_ = true;
  EXPECT_OK(Wait());
}

TEST_F(SupervisorTest, WhatTheUserMustMendEndsTheClusterWithItsLastWords) {
  Add(ProcessKind::kReplay, "replay", WaitScript("replay"));
  Add(ProcessKind::kActor, "actor", "echo the model is missing; exit 2");
  Start();
  EXPECT_THAT(Wait(), FailsWith(absl::StatusCode::kFailedPrecondition,
                                "actor ended with exit code 2; its last words:\n"
                                "the model is missing"));
  EXPECT_THAT(Lines("ends").size(), Lines("replay.up").size());
}

TEST_F(SupervisorTest, OfALogThatCouldNotBeWrittenItSaysSo) {
  Add(ProcessKind::kActor, "actor", "exit 2");
  Start();
  EXPECT_THAT(std::string(Wait().message()),
              AllOf(HasSubstr("it could write nothing to " + folder_.File("actor.log")),
                    HasSubstr("make room if its disk is full")));
}

TEST_F(SupervisorTest, WhoHasNoLogWasHeard) {
  Add(ProcessKind::kLearner, "learner", "exit 2");
  options_.processes.back().log = "";
  Start();
  EXPECT_EQ(Wait().message(), "learner ended with exit code 2");
}

TEST_F(SupervisorTest, TooManyRestartsEndTheCluster) {
  Add(ProcessKind::kActor, "actor", "echo no luck; exit 1");
  Start();
  const absl::Status status = Wait();
  EXPECT_THAT(status, FailsWith(absl::StatusCode::kAborted, "for the 9th time within a minute"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("no luck"));
}

TEST_F(SupervisorTest, LockstepEndsWithALostActorButNotWithALostEvaluator) {
  options_.restart = false;
  Add(ProcessKind::kEvaluator, "evaluator",
      absl::StrCat("echo up >> ", folder_.File("evaluator.up"), "; exit 1"));
  Add(ProcessKind::kActor, "actor", WaitScript("actor"));
  Start();
  ASSERT_TRUE(Eventually([&] { return Lines("evaluator.up").size() >= 2; }));
  const pid_t pid = AwaitUp("actor");
  ASSERT_GT(pid, 0);
  ::kill(pid, SIGKILL);
  EXPECT_THAT(Wait(), FailsWith(absl::StatusCode::kAborted, "lockstep run cannot go on"));
}

TEST_F(SupervisorTest, AFinishedLearnerEndsTheRun) {
  finished_ = true;
  Add(ProcessKind::kLearner, "learner", "exit 0");
  Add(ProcessKind::kActor, "actor", "exit 0");
  Start();
  EXPECT_OK(Wait());
}

TEST_F(SupervisorTest, ALearnerThatDoesNotEndIsKilledAndThatIsAFailure) {
  options_.learner_grace = std::chrono::seconds(1);
  Add(ProcessKind::kLearner, "learner",
      absl::StrCat("trap '' TERM; echo up >> ", folder_.File("learner.up"),
                   "; while :; do sleep 0.05; done"));
  Start();
  const pid_t pid = AwaitUp("learner");
  ASSERT_GT(pid, 0);
  interrupted_ = true;
  EXPECT_THAT(Wait(), FailsWith(absl::StatusCode::kAborted, "learner was killed"));
  EXPECT_NE(::kill(pid, 0), 0);
}

TEST_F(SupervisorTest, ALearnerThatFailsWhileItStopsIsAFailure) {
  Add(ProcessKind::kLearner, "learner",
      absl::StrCat("trap 'exit 1' TERM; echo up >> ", folder_.File("learner.up"),
                   "; while :; do sleep 0.05; done"));
  Start();
  ASSERT_GT(AwaitUp("learner"), 0);
  interrupted_ = true;
  EXPECT_THAT(Wait(), FailsWith(absl::StatusCode::kAborted, "learner ended with exit code 1"));
}

TEST_F(SupervisorTest, AHangupThatIsIgnoredStaysSoForChildren) {
  const auto before = ::signal(SIGHUP, SIG_IGN);
  Add(ProcessKind::kLearner, "learner",
      absl::StrCat("kill -HUP $$; echo up >> ", folder_.File("learner.up"),
                   "; while :; do sleep 0.05; done"));
  Start();
  EXPECT_GT(AwaitUp("learner"), 0);
  ::signal(SIGHUP, before);
  interrupted_ = true;
  Wait().IgnoreError();
}

TEST_F(SupervisorTest, AProgramThatIsNotThereIsNamed) {
  options_.processes.push_back({ProcessKind::kActor, "actor", "",
                                [] { return std::vector<std::string>{"/no/such/program"}; }});
  Start();
  EXPECT_THAT(Wait(), FailsWith(absl::StatusCode::kNotFound, "cannot start /no/such/program"));
}

}  // namespace
}  // namespace pmoe
