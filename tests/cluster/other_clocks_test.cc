// A cluster whose members' clocks disagree, as those of machines do: each has been up for another
// number of days. What the run says of lags, latencies and silence is of one clock each, and so
// says the same.
#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "common/base/stopwatch.h"
#include "tests/cluster/cluster_testing.h"

namespace pmoe {
namespace {

using ::testing::AllOf;
using ::testing::Ge;
using ::testing::Gt;
using ::testing::Le;
using ::testing::Lt;

constexpr double kSane_s = 60.0;  // nothing takes that long here, and all clocks are further apart

// The command on a machine that has been up for so much longer, by a namespace of times.
std::vector<std::string> UpLonger(int seconds, const std::vector<std::string>& command) {
  const std::string up = absl::StrCat(seconds);
  std::vector<std::string> words = {"/usr/bin/unshare", "--time", "--monotonic", up,
                                    "--boottime",       up};
  words.insert(words.end(), command.begin(), command.end());
  return words;
}

class OtherClocksTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (RunProcess(UpLonger(1, {"/bin/true"})).exit_code != 0) {
      GTEST_SKIP() << "needs the right to make namespaces of times";
    }
    std::vector<std::string> learner = {Binary("pmoe-learner"), "--listen", address_, "--out",
                                        dir_.File("run")};
    const std::vector<std::string> flags =
        SmallFlags("InvertedPendulum-v5", {"--steps", "10000000"});
    learner.insert(learner.end(), flags.begin(), flags.end());
    learner_ = std::make_unique<ChildProcess>(UpLonger(3'000'000, learner));
    replay_ = std::make_unique<ChildProcess>(
        UpLonger(1'000'000, {Binary("pmoe-replay"), "--learner", address_, "--listen",
                             "unix:" + dir_.File("replay"), "--dir", dir_.File("tables")}));
    for (const int up_s : {500, 9'000'000}) {
      actors_.push_back(std::make_unique<ChildProcess>(
          UpLonger(up_s, {Binary("pmoe-actor"), "run", "--learner", address_})));
    }
  }

  nlohmann::json Status() const {
    const ProcessResult result =
        RunProcess({Binary("pmoe"), "status", "--learner", address_, "--json"});
    return result.exit_code == 0 ? nlohmann::json::parse(result.output) : nlohmann::json();
  }
  static double Number(const nlohmann::json& of, const std::string& name) {
    if (!of.contains(name)) return 0.0;  // JSON leaves it out
    return of[name].is_string() ? std::stod(of[name].get<std::string>()) : of[name].get<double>();
  }
  static std::vector<nlohmann::json> ActorsOf(const nlohmann::json& status) {
    std::vector<nlohmann::json> actors;
    if (status.is_null()) return actors;
    for (const auto& member : status["members"]) {
      if (member["role"] == "RUN_ROLE_ACTOR" && member["rates"].contains("time") &&
          Number(member["rates"]["insert_ack"], "count") > 0) {
        actors.push_back(member);
      }
    }
    return actors;
  }
  // Both measure what they do, and the run has come so far.
  nlohmann::json AwaitSteps(double env_steps) const {
    nlohmann::json status;
    EXPECT_TRUE(Eventually(
        [&] {
          status = Status();
          return ActorsOf(status).size() == 2 && Number(status, "env_steps") > env_steps &&
                 Number(status, "updates") > 200 && status.contains("policy_lag_s");
        },
        std::chrono::seconds(120)));
    return status;
  }
  static void ExpectSaneTimes(nlohmann::json status) {
    for (const char* age : {"lag_s", "policy_lag_s"}) {
      EXPECT_THAT(Number(status, age), AllOf(Ge(0.0), Lt(kSane_s))) << age;
    }
    EXPECT_GT(Number(status, "env_steps_per_s"), 0.0);
    for (const auto& latency : status["latencies"]) {
      EXPECT_THAT(Number(latency, "max_s"), AllOf(Gt(0.0), Lt(kSane_s))) << latency;
    }
    for (const auto& actor : ActorsOf(status)) {
      EXPECT_THAT(Number(actor["rates"]["insert_ack"], "max_s"), AllOf(Gt(0.0), Lt(kSane_s)));
      EXPECT_THAT(Number(actor, "last_report_s"), AllOf(Ge(0.0), Lt(kSane_s)));
      double shares = 0.0;
      for (const char* share : {"env", "policy", "write", "blocked", "idle"}) {
        shares += Number(actor["rates"]["time"], share);
      }
      EXPECT_THAT(shares, AllOf(Ge(0.5), Le(1.02))) << actor;
    }
    EXPECT_TRUE(status["verdict"]["silent_actors"].empty()) << status["verdict"];
  }
  // Of metrics.csv.
  std::vector<double> WallSeconds() const {
    const std::vector<std::string> lines =
        absl::StrSplit(*ReadFile(dir_.File("run/metrics.csv")), '\n', absl::SkipEmpty());
    const std::vector<std::string> names = absl::StrSplit(lines[0], ',');
    const auto column = std::find(names.begin(), names.end(), "wall_s") - names.begin();
    std::vector<double> wall_s;
    for (size_t row = 1; row < lines.size(); ++row) {
      const std::vector<std::string> cells = absl::StrSplit(lines[row], ',');
      PMOE_CHECK(absl::SimpleAtod(cells[static_cast<size_t>(column)], &wall_s.emplace_back()));
    }
    return wall_s;
  }

  const Stopwatch since_start_;
  TempDir dir_;
  const std::string address_ = "unix:" + dir_.File("learner");
  std::unique_ptr<ChildProcess> learner_, replay_;
  std::vector<std::unique_ptr<ChildProcess>> actors_;
};

TEST_F(OtherClocksTest, TimesAreOfOneClockEach) {
  const nlohmann::json status = AwaitSteps(1000);
  ASSERT_EQ(ActorsOf(status).size(), 2u);
  ExpectSaneTimes(status);
  EXPECT_THAT(Number(status, "uptime_s"), AllOf(Gt(0.0), Lt(since_start_.Elapsed())));
  learner_->Signal(SIGTERM);
  EXPECT_EQ(learner_->Wait().exit_code, 0);
  const std::vector<double> wall_s = WallSeconds();
  EXPECT_TRUE(std::is_sorted(wall_s.begin(), wall_s.end()));
  EXPECT_THAT(wall_s.back(), AllOf(Gt(0.0), Lt(since_start_.Elapsed())));
}

}  // namespace
}  // namespace pmoe
