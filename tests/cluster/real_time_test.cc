// An actor process with actor.real_time_hz, in real time.
#include <chrono>

#include "common/base/clock.h"
#include "tests/cluster/cluster_testing.h"

namespace pmoe {
namespace {

constexpr double kHz = 50.0;

struct Pace {
  Clock::Time at;
  double steps = 0.0, misses = 0.0;
};

double Count(const nlohmann::json& rates, const std::string& name) {
  return std::stod(rates[name].get<std::string>());
}

Pace ReadPace(const Cluster& cluster) {
  const nlohmann::json status = cluster.Status();
  if (status.is_null()) return {};
  for (const auto& member : status["members"]) {
    if (member["role"] != "RUN_ROLE_ACTOR") continue;
    return {Clock::Real()->Now(), Count(member["rates"], "env_steps"),
            Count(member["rates"], "deadline_misses")};
  }
  return {};
}

// At the moment in which a report has come: they come about once a second.
Pace AwaitReport(const Cluster& cluster, double after_steps) {
  Pace last = ReadPace(cluster), now;
  EXPECT_TRUE(Eventually([&] {
    now = ReadPace(cluster);
    const bool came = now.steps > last.steps && now.steps > after_steps;
    last = now;
    return came;
  }));
  return now;
}

TEST(RealTimeTest, AnActorProcessStepsAtItsRateWhileTheLearnerLearns) {
  const TempDir dir;
  Cluster cluster(dir.File("run"),
                  SmallFlags("InvertedPendulum-v5",
                             {"--steps", "10000000", "--out", dir.File("run"), "--actors", "1",
                              "--set", absl::StrCat("actor.real_time_hz=", kHz), "--set",
                              "observe.eval_every_steps=0"}));
  const Pace before = AwaitReport(cluster, 150);
  const Pace after = AwaitReport(cluster, before.steps + 5 * kHz);
  EXPECT_GT(cluster.Updates(), 50);
  const double seconds = std::chrono::duration<double>(after.at - before.at).count();
  const double missed = after.misses - before.misses;
  const double rate = (after.steps - before.steps + missed) / seconds;
  // The reports' moments are known to some hundredths of a second.
  EXPECT_NEAR(rate, kHz, 0.1 * kHz);
  // Another process may well have the core for a while, not half of the time.
  EXPECT_LT(missed, 0.5 * seconds * kHz);
  RecordProperty("rate_hz", absl::StrCat(rate));
  RecordProperty("missed", absl::StrCat(missed, " in ", seconds, " s"));
}

}  // namespace
}  // namespace pmoe
