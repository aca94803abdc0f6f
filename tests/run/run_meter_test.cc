#include "run/run_meter.h"

#include "gtest/gtest.h"
#include "tests/testing/fake_clock.h"

namespace pmoe {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Updates that take no time; its phases are moved by hand.
class TimedLearner : public Learner {
 public:
  absl::Status Update(const Experience&) override { return absl::OkStatus(); }
  uint64_t updates() const override { return 0; }
  std::shared_ptr<const PolicySnapshot> Snapshot(uint64_t, uint64_t) const override {
    return nullptr;
  }
  LearnerStats DrainStats() override { return {}; }
  void SaveState(ContainerWriter*) const override {}
  absl::Status LoadState(const ContainerReader&) override { return absl::OkStatus(); }
};

class RunMeterTest : public ::testing::Test {
 protected:
  void Spend(LoopPhase phase, int ms) {
    meter_.Enter(phase);
    clock_.Advance(milliseconds(ms));
  }
  // A second of a loop: 10 updates of 50 ms after 30 ms of waiting for each, 0.1 s to publish.
  void Second() {
    for (int i = 0; i < 10; ++i) {
      meter_.AwaitSample();
      clock_.Advance(milliseconds(30));
      meter_.OnSample(&rollout_);
      clock_.Advance(milliseconds(50));
    }
    Spend(LoopPhase::kPublish, 100);
    Spend(LoopPhase::kOther, 100);
    steps_ += 20;
    updates_ += 10;
    meter_.Look(steps_, updates_, learner_);
  }

  FakeClock clock_;
  RunMeter meter_{/*own_rows=*/0, &clock_};
  TimedLearner learner_;
  Rollout rollout_ = [] {
    Rollout rollout;
    rollout.policy_version = {1, 1, 1, 1};
    return rollout;
  }();
  uint64_t steps_ = 0, updates_ = 0;
};

TEST_F(RunMeterTest, SharesAndRatesAreThoseOfTheLoop) {
  meter_.Look(0, 0, learner_);
  EXPECT_FALSE(meter_.Lately().has_value());
  for (int i = 0; i < 20; ++i) Second();
  const auto pace = meter_.Lately();
  ASSERT_TRUE(pace.has_value());
  EXPECT_NEAR(pace->env_steps_per_s, 20.0, 1e-9);
  EXPECT_NEAR(pace->updates_per_s, 10.0, 1e-9);
  EXPECT_NEAR(pace->shares[static_cast<size_t>(LoopPhase::kSampleWait)], 0.3, 1e-9);
  EXPECT_NEAR(pace->shares[static_cast<size_t>(LoopPhase::kUpdate)], 0.5, 1e-9);
  EXPECT_NEAR(pace->shares[static_cast<size_t>(LoopPhase::kPublish)], 0.1, 1e-9);
  EXPECT_NEAR(meter_.Seconds(LoopPhase::kUpdate), 10.0, 1e-9);
}

TEST_F(RunMeterTest, SamplesPerInsertAreOfTheLastMinute) {
  meter_.Look(0, 0, learner_);
  clock_.Advance(seconds(1));
  meter_.Look(steps_ += 5000, 0, learner_);  // a warm-up without updates
  for (int i = 0; i < 70; ++i) Second();
  const auto ratio = meter_.samples_per_insert();
  ASSERT_TRUE(ratio.has_value());
  EXPECT_NEAR(ratio->ratio, 2.0, 1e-9);  // 40 rows for 20
  EXPECT_NEAR(ratio->window_s, 60.0, 60.0 / 16);
}

TEST_F(RunMeterTest, AWaitThatWasGivenUpAndTakenUpAgainIsOne) {
  meter_.AwaitSample();
  clock_.Advance(milliseconds(100));
  Spend(LoopPhase::kOther, 20);  // nothing came: the loop looks after its members
  meter_.AwaitSample();
  clock_.Advance(milliseconds(80));
  meter_.OnSample(&rollout_);
  EXPECT_EQ(meter_.sample_wait().Lately().count, 1u);
  EXPECT_DOUBLE_EQ(meter_.sample_wait().Lately().max, 0.2);
  EXPECT_NEAR(meter_.Seconds(LoopPhase::kSampleWait), 0.18, 1e-9);
}

TEST_F(RunMeterTest, APhaseWithinAnotherGivesItBack) {
  Spend(LoopPhase::kCheckpoint, 10);
  {
    const RunMeter::During waits(&meter_, LoopPhase::kEvaluation);
    clock_.Advance(milliseconds(300));
  }
  clock_.Advance(milliseconds(5));
  EXPECT_NEAR(meter_.Seconds(LoopPhase::kCheckpoint), 0.015, 1e-9);
  EXPECT_NEAR(meter_.Seconds(LoopPhase::kEvaluation), 0.3, 1e-9);
}

}  // namespace
}  // namespace pmoe
