// An actor that paces a robot: its steps lie on the grid of its rate whatever the policy, the
// environment and replay do. Time is the test's.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "actor/actor.h"
#include "common/base/mutex.h"
#include "tests/actor/actor_testing.h"
#include "tests/actor/policy_testing.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

using std::chrono::milliseconds;

// The simulated one, which notes when it is stepped and takes its time.
class TimedCheetah : public Env {
 public:
  struct Times {
    std::vector<Clock::Time> steps;
    std::vector<size_t> episodes;  // begin before the step of that number
  };
  TimedCheetah(FakeClock* clock, Times* times) : clock_(clock), times_(times) {}

  const EnvSpec& spec() const override { return env_->spec(); }
  void Reset(std::optional<uint64_t> seed, absl::Span<double> obs) override {
    times_->episodes.push_back(times_->steps.size());
    clock_->Advance(milliseconds(1234));
    env_->Reset(seed, obs);
  }
  StepResult Step(absl::Span<const double> action, absl::Span<double> obs) override {
    times_->steps.push_back(clock_->Now());
    clock_->Advance(milliseconds(times_->steps.size() == 10 ? 70 : 13));
    return env_->Step(action, obs);
  }
  void SaveState(ByteWriter* out) const override { env_->SaveState(out); }
  absl::Status LoadState(ByteReader* in) override { return env_->LoadState(in); }

 private:
  FakeClock* const clock_;
  Times* const times_;
  const std::unique_ptr<Env> env_ = MakeCheetah();
};

// Takes a row once and never again, until it is cancelled.
class FullWriter : public RecordingWriter {
 public:
  absl::Status Write(uint32_t env, const Transition& transition) override {
    MutexLock lock(&mu_);
    while (!cancelled_ && !rows.empty()) changed_.Wait(&mu_);
    if (cancelled_) return absl::CancelledError("this actor shall end");
    return RecordingWriter::Write(env, transition);
  }
  void Cancel() override {
    MutexLock lock(&mu_);
    cancelled_ = true;
    changed_.NotifyAll();
  }

 private:
  Mutex mu_;
  CondVar changed_;
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
};

struct PacedRun {
  explicit PacedRun(TransitionWriter* writer, int patience) {
    Directive freely;
    freely.until_next = true;
    freely.snapshot = CheetahSnapshot(1);
    client.directives = {freely};
    client.patience = patience;
    std::vector<std::unique_ptr<Env>> envs;
    envs.push_back(std::make_unique<TimedCheetah>(&clock, &times));
    ActorOptions options;
    options.real_time_hz = 50;
    options.clock = &clock;
    Actor actor(options, std::move(envs), CheetahPolicy(), &client, writer);
    status = actor.Run();
    for (const ActorReport& report : client.reports) {
      misses += report.deadline_misses;
      left_out += report.rows_left_out;
      steps += report.env_steps;
      seconds = seconds + report.seconds;
    }
  }

  FakeClock clock;
  TimedCheetah::Times times;
  ListedDirectives client;
  absl::Status status;
  uint64_t misses = 0, left_out = 0, steps = 0;
  ActorSeconds seconds;
};

TEST(PacedActorTest, StepsOnTheGridOfEachEpisodeAndMakesUpForNothing) {
  RecordingWriter writer;
  const PacedRun run(&writer, /*patience=*/200);
  ASSERT_OK(run.status);
  ASSERT_GT(run.times.steps.size(), 60u);
  ASSERT_GT(run.times.episodes.size(), 2u);
  for (size_t i = 1; i < run.times.steps.size(); ++i) {
    const bool begins = i % kEpisodeSteps == 0;
    const milliseconds apart(begins ? 13 + 1234 + 20 : i == 10 ? 80 : 20);
    EXPECT_EQ(run.times.steps[i] - run.times.steps[i - 1], apart) << i;
  }
  EXPECT_EQ(run.misses, 3u);  // of the stall
  EXPECT_EQ(run.steps, run.times.steps.size());
  EXPECT_EQ(writer.rows.size(), run.times.steps.size());
}

TEST(PacedActorTest, TheWaitForATickIsIdle) {
  RecordingWriter writer;
  const PacedRun run(&writer, /*patience=*/200);
  ASSERT_OK(run.status);
  const double steps = static_cast<double>(run.times.steps.size());
  const double env_s = 1.234 * static_cast<double>(run.times.episodes.size()) + 0.013 * steps;
  EXPECT_NEAR(run.seconds.env, env_s + 0.057, 1e-6);  // and of the stall
  // Of each period 7 ms are left; the first of an episode begins with its start.
  EXPECT_NEAR(run.seconds.idle, 0.007 * steps, 0.05 * static_cast<double>(kEpisodeSteps));
  EXPECT_DOUBLE_EQ(run.seconds.blocked, 0.0);
}

TEST(PacedActorTest, IsNotHeldUpByReplayAndSaysWhatItLeavesOut) {
  FullWriter writer;
  const PacedRun run(&writer, /*patience=*/20'000);
  ASSERT_OK(run.status);
  const size_t steps = run.times.steps.size();
  ASSERT_GT(steps, 5000u);
  for (size_t i = 11; i < steps; ++i) {
    if (i % kEpisodeSteps == 0) continue;
    ASSERT_EQ(run.times.steps[i] - run.times.steps[i - 1], milliseconds(20)) << i;
  }
  EXPECT_EQ(run.misses, 3u);
  EXPECT_EQ(writer.rows.size(), 1u);
  // 60 s at 50 Hz wait, beside the one that was taken.
  EXPECT_EQ(run.left_out, steps - 3000 - 1);
}

}  // namespace
}  // namespace pmoe
