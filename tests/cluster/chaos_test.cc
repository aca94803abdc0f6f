// An async cluster under kill -9, SIGSTOP and SIGTERM: the run goes on, and no row is duplicated or
// torn.
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <iostream>
#include <map>

#include "common/base/clock.h"
#include "common/base/rng.h"
#include "tests/cluster/cluster_testing.h"
#include "tests/cluster/row_checker.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

class ChaosTest : public ::testing::Test {
 protected:
  void Start(const std::vector<std::string>& more = {}) {
    std::vector<std::string> flags =
        SmallFlags("HalfCheetah-v5",
                   {"--steps", "10000000", "--actors", "2", "--audit", "--out", dir_.File("run"),
                    "--set", "checkpoint.every_steps=500", "--set", "checkpoint.every_seconds=1"});
    flags.insert(flags.end(), more.begin(), more.end());
    cluster_ = std::make_unique<Cluster>(dir_.File("run"), flags);
    ASSERT_TRUE(Eventually([&] { return cluster_->Updates() > 200; }));
  }
  void ExpectProgress() {
    const int64_t steps = cluster_->EnvSteps();
    EXPECT_TRUE(Eventually([&] { return cluster_->EnvSteps() > steps + 300; }));
    const int64_t updates = cluster_->Updates();
    EXPECT_TRUE(Eventually([&] { return cluster_->Updates() > updates + 100; }));
  }
  // Ends the run in order and looks at its rows.
  RowCheck Finish() {
    cluster_->up().Signal(SIGINT);
    const ProcessResult result = cluster_->up().Wait();
    EXPECT_EQ(result.exit_code, 0) << result.output;
    output_ = result.output;
    std::string newest;
    fs::file_time_type written;
    for (const auto& entry : fs::directory_iterator(dir_.File("run") + "/replay")) {
      if (entry.path().extension() != ".table") continue;
      if (newest.empty() || entry.last_write_time() > written) {
        newest = entry.path().string();
        written = entry.last_write_time();
      }
    }
    const RowCheck check = CheckRows(dir_.File("run") + "/audit", newest);
    EXPECT_EQ(check.duplicated, 0);
    EXPECT_EQ(check.torn, 0);
    EXPECT_EQ(check.unknown, 0);
    EXPECT_EQ(check.backwards, 0);
    EXPECT_GT(check.held, 300);
    return check;
  }

  TempDir dir_;
  std::unique_ptr<Cluster> cluster_;
  std::string output_;  // of pmoe up, after Finish
};

TEST_F(ChaosTest, AKilledActorIsReplacedAndEveryAcknowledgedRowIsThere) {
  Start();
  cluster_->KillAndAwaitRestart("actor 0");
  ExpectProgress();
  const RowCheck check = Finish();
  EXPECT_GE(check.held, check.acked);
}

TEST_F(ChaosTest, AKilledEvaluatorIsReplaced) {
  Start();
  cluster_->KillAndAwaitRestart("evaluator");
  ExpectProgress();
  const RowCheck check = Finish();
  EXPECT_GE(check.held, check.acked);
}

TEST_F(ChaosTest, AKilledLearnerComesBackAboveEveryVersionSeen) {
  Start();
  cluster_->KillAndAwaitRestart("learner");
  ASSERT_TRUE(Eventually([&] { return cluster_->StatusNumber("learner_epoch") == 2; }));
  ExpectProgress();
  const RowCheck check = Finish();
  EXPECT_GE(check.held, check.acked);
}

TEST_F(ChaosTest, AKilledReplayComesBackFromItsCheckpointAndItsLog) {
  Start();
  ASSERT_TRUE(Eventually([&] { return cluster_->EnvSteps() > 1200; }));
  cluster_->KillAndAwaitRestart("replay 0");
  ExpectProgress();
  // What was not in the log yet died with the process; the rest is there once.
  const RowCheck check = Finish();
  EXPECT_LT(check.held, check.sent + 1);
}

TEST_F(ChaosTest, AStoppedActorHoldsNobodyUpAndRejoins) {
  Start();
  const pid_t pid = cluster_->Find("actor 1").pid;
  ::kill(pid, SIGSTOP);
  const auto wake = Clock::Real()->Now() + seconds(15);
  ExpectProgress();
  ASSERT_TRUE(Eventually([&] { return Clock::Real()->Now() >= wake; }));
  ::kill(pid, SIGCONT);
  EXPECT_TRUE(Eventually([&] {
    const nlohmann::json status = cluster_->Status();
    if (status.is_null()) return false;
    int connected = 0;
    for (const auto& member : status["members"]) {
      connected += member["role"] == "RUN_ROLE_ACTOR" && member["connected"].get<bool>() ? 1 : 0;
    }
    return connected == 2;
  }));
  EXPECT_EQ(cluster_->Find("actor 1").restarts, 0);
  ExpectProgress();
  Finish();
}

TEST_F(ChaosTest, EachRoleLeavesInOrderWithinTenSecondsOfSigterm) {
  Start();
  for (const char* name : {"actor 0", "evaluator", "replay 0", "learner"}) {
    const Cluster::Member before = cluster_->Find(name);
    ::kill(before.pid, SIGTERM);
    EXPECT_TRUE(Eventually([&] { return !IsAlive(before.pid); }, seconds(10))) << name;
    EXPECT_TRUE(Eventually([&] { return cluster_->Find(name).restarts > before.restarts; }))
        << name;
    ExpectProgress();
  }
  const RowCheck check = Finish();
  EXPECT_GE(check.held, check.acked);  // nothing acknowledged was lost
  for (const char* name : {"actor 0", "evaluator", "replay 0", "learner"}) {
    EXPECT_THAT(output_, ::testing::HasSubstr(absl::StrCat(name, " ended with exit code 0")));
  }
}

// Random roles, one after the other; PMOE_KILLS=200 for as many.
class RandomKillsTest : public ChaosTest, public ::testing::WithParamInterface<const char*> {
 protected:
  static int Kills() {
    const char* const kills = std::getenv("PMOE_KILLS");
    return kills == nullptr ? 3 : std::max(1, std::atoi(kills));
  }
  // The next to be killed. `pmoe up` gives up a process that dies more than eight times within a
  // minute, and is right.
  std::string Draw(Rng* rng) {
    constexpr size_t kKillsMax = 6;
    const Clock::Time now = Clock::Real()->Now();
    for (;;) {
      const std::string role = kRoles[rng->UniformInt(std::size(kRoles))];
      std::deque<Clock::Time>& recent = kills_[role];
      while (!recent.empty() && now - recent.front() > seconds(60)) recent.pop_front();
      if (recent.size() >= kKillsMax) continue;
      recent.push_back(now);
      return role;
    }
  }
  void TearDown() override {
    if (!HasFailure()) return;
    std::cout << "status: " << cluster_->Status().dump(1) << "\n";
    cluster_->up().Signal(SIGINT);
    std::cout << cluster_->up().Wait().output << "\n";
    for (const auto& entry : fs::directory_iterator(cluster_->directory() + "/logs")) {
      const std::string log = *ReadFile(entry.path());
      std::cout << entry.path().filename() << " ends with:\n"
                << log.substr(log.size() - std::min<size_t>(log.size(), 4000)) << "\n";
    }
  }
  // Of the shard's counts; -1: nobody says them.
  int64_t Count(const std::string& name) {
    const nlohmann::json status = cluster_->Status();
    if (status.is_null()) return -1;
    for (const auto& member : status["members"]) {
      if (member["role"] != "RUN_ROLE_REPLAY" || !member.contains("table")) continue;
      const nlohmann::json count = member["table"].value(name, nlohmann::json("0"));
      return count.is_string() ? std::stoll(count.get<std::string>()) : count.get<int64_t>();
    }
    return -1;
  }

  static constexpr const char* kRoles[] = {"actor 0", "actor 1", "learner", "evaluator",
                                           "replay 0"};
  std::map<std::string, std::deque<Clock::Time>> kills_;  // of the last minute
};

TEST_P(RandomKillsTest, NoRowIsDoubledAndWhatIsMissingIsCounted) {
  Start({"--set", absl::StrCat("replay.durability=", GetParam())});
  Rng rng(7, RngRole::kReplay, 9);
  for (int i = 0; i < Kills(); ++i) {
    // Each mode's promise is of replay's kills: the first is one.
    cluster_->KillAndAwaitRestart(i == 0 ? "replay 0" : Draw(&rng));
    ExpectProgress();
    // Of an actor that dies before it came back nobody can say what was lost.
    EXPECT_TRUE(Eventually([&] { return Count("writers") == 2; }));
    ASSERT_FALSE(HasFailure()) << "kill " << i;
  }
  const int64_t lost = Count("rows_lost");
  const RowCheck check = Finish();
  EXPECT_LE(check.acked - check.held, lost);
  if (GetParam() == std::string("wal")) {
    EXPECT_GE(check.held, check.acked);
    EXPECT_EQ(lost, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Durability, RandomKillsTest, ::testing::Values("none", "async", "wal"));

}  // namespace
}  // namespace pmoe
