// What a cluster says of its own time, where the truth is known: an environment that sleeps, and a
// learner that stands still.
#include <signal.h>

#include "tests/cluster/cluster_testing.h"
#include "tests/testing/http_client.h"

namespace pmoe {
namespace {

using ::testing::AllOf;
using ::testing::Ge;
using ::testing::Le;

class WhereTimeGoesTest : public ::testing::Test {
 protected:
  // Small networks on an environment whose step takes so long, and hardly any CPU.
  void Start(const std::string& step_ms, const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {"--env-arg", "step_ms=" + step_ms, "--steps",  "10000000",
                                      "--out",     dir_.File("run"),     "--actors", "1"};
    words.insert(words.end(), more.begin(), more.end());
    cluster_ = std::make_unique<Cluster>(dir_.File("run"),
                                         SmallFlags("plugin:" + Binary("sleep_env.so"), words));
  }
  // The first actor; null until it has reported shares.
  static nlohmann::json Actor(const nlohmann::json& status) {
    if (status.is_null()) return {};
    for (const auto& member : status["members"]) {
      if (member["role"] == "RUN_ROLE_ACTOR" && member["rates"].contains("time")) return member;
    }
    return {};
  }
  // Of the status's times; 0 where JSON leaves it out.
  static double Number(const nlohmann::json& of, const std::string& name) {
    return of.contains(name) ? of[name].get<double>() : 0.0;
  }
  static double Sum(const nlohmann::json& time, const std::vector<std::string>& names) {
    double sum = 0.0;
    for (const std::string& name : names) sum += Number(time, name);
    return sum;
  }
  // What an actor's /metrics says while it waits.
  static double BlockedSeconds(const std::string& address) {
    const std::string page = HttpGet(address, "/metrics").body;
    const size_t at = page.find("\npmoe_actor_write_blocked_seconds_total{");
    return at == std::string::npos ? 0.0 : std::stod(page.substr(page.find("} ", at) + 2));
  }
  // Until the shares of both are over ten seconds of work.
  nlohmann::json AwaitWork() {
    EXPECT_TRUE(Eventually([&] { return cluster_->Updates() > 100; }));
    nlohmann::json status;
    EXPECT_TRUE(Eventually([&] {
      status = cluster_->Status();
      return !Actor(status).is_null() && Number(status, "uptime_s") > 15.0;
    }));
    return status;
  }

  TempDir dir_;
  std::unique_ptr<Cluster> cluster_;
};

TEST_F(WhereTimeGoesTest, ASlowEnvironmentTakesItsActorsTimeAndTheLearnerWaits) {
  Start("10");
  const nlohmann::json status = AwaitWork();
  const nlohmann::json actor = Actor(status);
  EXPECT_GT(Number(actor["rates"]["time"], "env"), 0.9) << actor;
  EXPECT_THAT(Sum(actor["rates"]["time"], {"env", "policy", "write", "blocked", "idle"}),
              AllOf(Ge(0.95), Le(1.01)))
      << actor;
  const nlohmann::json& time = status["time"];
  EXPECT_GT(Number(time, "sample_wait"), 0.3) << time;
  EXPECT_THAT(Sum(time, {"sample_wait", "update", "publish", "evaluation", "checkpoint", "idle"}),
              AllOf(Ge(0.7), Le(1.01)))
      << time;
  double phases = 0.0;
  for (const auto& phase : time["phases"]) phases += Number(phase, "share");
  EXPECT_THAT(phases, AllOf(Ge(0.5 * Number(time, "update")), Le(Number(time, "update") + 0.01)));
  // 100 steps a second, one update for each.
  EXPECT_THAT(Number(status, "env_steps_per_s"), AllOf(Ge(30.0), Le(105.0)));
  EXPECT_THAT(Number(status, "samples_per_insert"), AllOf(Ge(20.0), Le(40.0)));
  EXPECT_GT(Number(status, "samples_per_insert_window_s"), 5.0);
  EXPECT_GT(Number(actor["rates"]["insert_ack"], "p99_s"), 0.0);
  ASSERT_EQ(status["latencies"].size(), 2u);
  for (const auto& latency : status["latencies"]) {
    EXPECT_GT(Number(latency, "p50_s"), 0.0) << latency;
    EXPECT_LE(Number(latency, "p50_s"), Number(latency, "max_s")) << latency;
  }
  for (const auto& member : status["members"]) {
    EXPECT_GT(Number(member["usage"], "cpu_s"), 0.0) << member;
    EXPECT_GE(member["usage"]["cores"].get<int>(), 1) << member;
  }
}

TEST_F(WhereTimeGoesTest, ALearnerThatStandsStillBlocksItsActors) {
  Start("2");
  const nlohmann::json before = Actor(AwaitWork());
  ASSERT_FALSE(before.is_null());
  const std::string metrics = before["process"]["metrics_address"];
  const double blocked_before_s = BlockedSeconds(metrics);
  const pid_t learner = cluster_->Find("learner").pid;
  ASSERT_GT(learner, 0);
  ::kill(learner, SIGSTOP);
  // Once the limiter's window and its own are used up; counted while it lasts.
  const bool blocked = Eventually([&] { return BlockedSeconds(metrics) > blocked_before_s + 3.0; });
  ::kill(learner, SIGCONT);
  EXPECT_TRUE(blocked);
  EXPECT_TRUE(Eventually([&] {
    const nlohmann::json actor = Actor(cluster_->Status());
    return !actor.is_null() && Number(actor["rates"]["time"], "blocked") >
                                   Number(before["rates"]["time"], "blocked") + 0.1;
  }));
}

}  // namespace
}  // namespace pmoe
