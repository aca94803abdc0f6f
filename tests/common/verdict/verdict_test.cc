#include "common/verdict/verdict.h"

#include <chrono>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "common/base/rng.h"
#include "common/base/stopwatch.h"
#include "common/verdict/verdict_text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/common/verdict/simulated_run.h"

namespace pmoe {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

// Learner-bound: actors could do four times as much.
SimulatedRunOptions HeavyLearner() {
  SimulatedRunOptions run;
  run.actors = 4;
  run.cores = 8.0;
  run.step_cpu_s = 1e-3;
  run.update_cpu_s = 1e-3;
  run.serial_share = 0.1;
  return run;
}

SimulatedRunOptions SlowEnvironments() {
  SimulatedRunOptions run = HeavyLearner();
  run.step_sleep_s = 2e-2;
  return run;
}

TEST(VerdictTest, NamesTheLearnerThatActorsWaitFor) {
  const RunVerdict verdict = Judge(Simulate(HeavyLearner()));
  EXPECT_EQ(verdict.bottleneck, Bottleneck::kLearner);
  EXPECT_EQ(VerdictText(verdict),
            "The learner is the bottleneck: actors wait 74 % of the time. More actors will not "
            "help; a second learner thread would give up to 1.8×.");
}

TEST(VerdictTest, NamesTheActorsThatTheLearnerWaitsFor) {
  const RunVerdict verdict = Judge(Simulate(SlowEnvironments()));
  EXPECT_EQ(verdict.bottleneck, Bottleneck::kActors);
  EXPECT_EQ(VerdictText(verdict),
            "The actors are the bottleneck: the learner waits 81 % of the time. One more actor "
            "would give 1.3×, twice the actors 2.0×; a second learner thread will not help.");
}

TEST(VerdictTest, SpeaksOfOneActorAsOne) {
  SimulatedRunOptions run = SlowEnvironments();
  run.actors = 1;
  const RunVerdict verdict = Judge(Simulate(run));
  EXPECT_THAT(VerdictText(verdict), StartsWith("The actor is the bottleneck: the learner waits"));
  EXPECT_THAT(VerdictText(verdict), HasSubstr("One more actor would give 2.0×;"));
}

TEST(VerdictTest, NamesTheCoresThatAllCompeteFor) {
  SimulatedRunOptions run = HeavyLearner();
  run.cores = 2.0;
  run.step_cpu_s = 5e-3;
  const RunVerdict verdict = Judge(Simulate(run));
  EXPECT_EQ(verdict.bottleneck, Bottleneck::kCores);
  EXPECT_EQ(VerdictText(verdict),
            "The cores are the bottleneck: 2.0 of 2 are busy. More actors will not help, nor will "
            "a second learner thread; more cores would help.");
}

TEST(VerdictTest, NamesTheEvaluatorThatTheLearnerWaitsFor) {
  SimulatedRunOptions run = HeavyLearner();
  run.pace = Pace::kTurns;
  run.evaluation_s = 4.0;
  const RunVerdict verdict = Judge(Simulate(run));
  EXPECT_EQ(verdict.bottleneck, Bottleneck::kEvaluator);
  EXPECT_THAT(VerdictText(verdict),
              StartsWith("The evaluator is the bottleneck: the learner waits"));
  EXPECT_THAT(VerdictText(verdict), HasSubstr("More actors will not help"));
  EXPECT_THAT(VerdictText(verdict), HasSubstr("observe.eval_every_steps"));
}

TEST(VerdictTest, NamesNobodyWhereActorsAndLearnerTakeEquallyLongTurns) {
  SimulatedRunOptions run = HeavyLearner();
  run.pace = Pace::kTurns;
  run.actors = 1;
  const RunVerdict verdict = Judge(Simulate(run));
  EXPECT_EQ(verdict.bottleneck, Bottleneck::kNone);
  EXPECT_THAT(VerdictText(verdict), StartsWith("Nothing stands out: the actor waits 50 % of the "
                                               "time, the learner waits 50 % of the time."));
}

TEST(VerdictTest, NamesTheLimiterWhereBothWait) {
  RunMeasure measure = Simulate(HeavyLearner());
  measure.learner.sample_wait = 0.5;
  measure.learner.update = 0.5;
  const RunVerdict verdict = Judge(measure);
  EXPECT_EQ(verdict.bottleneck, Bottleneck::kLimiter);
  EXPECT_THAT(verdict.gains, IsEmpty());
  EXPECT_THAT(VerdictText(verdict), StartsWith("Actors and learner wait for each other: actors "
                                               "wait 74 % of the time, the learner waits 50 %"));
}

TEST(VerdictTest, PromisesNoNumberOfActorsThatRoundsCannotHave) {
  SimulatedRunOptions run = HeavyLearner();
  run.pace = Pace::kTurns;
  run.steps_per_round = 48;  // 5 actors cannot share them
  std::vector<std::string> changes;
  for (const VerdictGain& gain : Judge(Simulate(run)).gains) changes.push_back(gain.change);
  EXPECT_THAT(changes, ElementsAre("twice the actors", "a second learner thread"));
}

TEST(VerdictTest, PromisesNoThreadToAGpu) {
  SimulatedRunOptions run = HeavyLearner();
  run.update_sleep_s = 1e-3;
  EXPECT_EQ(VerdictText(Judge(Simulate(run))),
            "The learner is the bottleneck: actors wait 74 % of the time. More actors will not "
            "help; a faster or a smaller update would help.");
}

TEST(VerdictTest, SaysWhyNothingIsKnownYet) {
  RunMeasure measure = Simulate(HeavyLearner());
  measure.reason = "this is the warm-up, until 1000 env steps";
  const RunVerdict verdict = Judge(measure);
  EXPECT_EQ(verdict.bottleneck, Bottleneck::kUnknown);
  EXPECT_THAT(verdict.gains, IsEmpty());
  EXPECT_EQ(VerdictText(verdict), "Not known yet: this is the warm-up, until 1000 env steps.");
}

TEST(VerdictTest, KnowsNothingOfARunWithoutActors) {
  EXPECT_EQ(VerdictText(Judge(RunMeasure())), "Not known yet: no actor takes part.");
}

TEST(VerdictTest, KnowsNothingWhereMostActorsMeasureNothing) {
  RunMeasure measure = Simulate(HeavyLearner());
  for (size_t i = 0; i < 3; ++i) measure.actors[i].time.reset();
  EXPECT_EQ(VerdictText(Judge(measure)),
            "Not known yet: 1 of 4 actors say how they spend their time.");
}

TEST(VerdictTest, KnowsNothingOfALearnerThatMeasuresNothing) {
  RunMeasure measure = Simulate(HeavyLearner());
  measure.learner = LearnerMeasure();
  EXPECT_EQ(Judge(measure).bottleneck, Bottleneck::kUnknown);
}

TEST(VerdictTest, ClaimsNothingOfCoresThatNobodyKnows) {
  SimulatedRunOptions run = HeavyLearner();
  run.cores = 2.0;
  run.step_cpu_s = 5e-3;
  RunMeasure measure = Simulate(run);
  measure.cores_here = 0.0;
  const RunVerdict verdict = Judge(measure);
  EXPECT_NE(verdict.bottleneck, Bottleneck::kUnknown);
  EXPECT_NE(verdict.bottleneck, Bottleneck::kCores);
}

// A learner of 10 updates per second, and a chunk of 64 rows for each of two actors: seconds pass
// without any. It was said that the actors were the bottleneck.
TEST(VerdictTest, NamesTheLearnerWhereNoActorHasMadeAStepLately) {
  RunMeasure measure = Simulate(HeavyLearner());
  for (ActorMeasure& actor : measure.actors) {
    actor.steps_per_s = 0.0;
    actor.time = ActorMeasure::Time{.busy = 0.0, .blocked = 1.0};
  }
  EXPECT_EQ(Judge(measure).bottleneck, Bottleneck::kLearner);
}

// An actor's rows wait in its window of unacknowledged chunks before it waits itself.
TEST(VerdictTest, NamesTheLearnerWhileRowsPileUpOnTheirWay) {
  RunMeasure measure = Simulate(HeavyLearner());
  for (ActorMeasure& actor : measure.actors) {
    const double work = actor.time->busy;
    actor.time = ActorMeasure::Time{.busy = 1.0};
    actor.steps_per_s /= work;
    *actor.cpu_cores /= work;
  }
  const RunVerdict verdict = Judge(measure);
  EXPECT_EQ(verdict.bottleneck, Bottleneck::kLearner);
  EXPECT_NEAR(verdict.actors_wait, 0.75, 0.02);
  EXPECT_NEAR(verdict.gains[0].factor, 1.0, 0.02);
}

TEST(VerdictTest, GoesOnWithoutAnActorThatIsGone) {
  RunMeasure measure = Simulate(HeavyLearner());
  measure.actors[2].connected = false;
  measure.actors[2].silent_s = 12.4;
  const RunVerdict verdict = Judge(measure);
  EXPECT_EQ(verdict.bottleneck, Bottleneck::kLearner);
}

TEST(VerdictTest, ExpectsOfAFurtherActorWhatTheMiddleOneMakes) {
  SimulatedRunOptions run = SlowEnvironments();
  run.actors = 6;
  run.slower = {1.0, 25.0};
  const RunMeasure before = Simulate(run);
  const RunVerdict verdict = Judge(before);
  run.actors = 7;
  const double truth = Simulate(run).env_steps_per_s / before.env_steps_per_s;
  ASSERT_EQ(verdict.gains[0].change, "one more actor");
  EXPECT_NEAR(verdict.gains[0].factor, truth, 0.02);
}

// Whatever peers say of themselves.
TEST(VerdictTest, StaysSaneWithNumbersThatMakeNone) {
  const std::vector<double> values = {kNan, kInf, -kInf, -1.0, 0.0, 1e-300, 0.3, 1.0, 2.0, 1e300};
  Rng rng(7, RngRole::kInit, 0);
  const auto any = [&] { return values[rng.UniformInt(values.size())]; };
  for (int i = 0; i < 20'000; ++i) {
    RunMeasure measure = {.pace = static_cast<Pace>(rng.UniformInt(3)),
                          .one_process = rng.UniformInt(2) == 0,
                          .env_steps_per_s = any(),
                          .cores_here = any(),
                          .cores_elsewhere = any(),
                          .machines_elsewhere = static_cast<int>(rng.UniformInt(4)) - 1,
                          .replay_cores = any(),
                          .evaluator_cores = any(),
                          .foreign_cores = any(),
                          .steps_per_round = static_cast<int64_t>(rng.UniformInt(50)) - 1,
                          .envs = static_cast<int>(rng.UniformInt(3)) - 1};
    measure.learner = {any(), any(), any(), any(), any(), any(), any(), any()};
    measure.learner.serial_share = any();
    measure.learner.threads = static_cast<int>(rng.UniformInt(5)) - 2;
    measure.learner.cpu_cores = any();
    for (uint64_t actors = rng.UniformInt(4); actors > 0; --actors) {
      measure.actors.push_back({.here = actors % 2 == 0,
                                .silent_s = any(),
                                .steps_per_s = any(),
                                .time = ActorMeasure::Time{any(), any(), any()},
                                .cpu_cores = any()});
    }
    const RunVerdict verdict = Judge(measure);
    const std::string text = VerdictText(verdict);
    ASSERT_THAT(text, Not(HasSubstr("nan")));
    ASSERT_THAT(text, Not(HasSubstr("inf")));
    for (const VerdictGain& gain : verdict.gains) {
      ASSERT_TRUE(gain.factor >= 0.0 && gain.factor <= kGainMax) << gain.factor;
    }
  }
}

TEST(VerdictTest, IsUnmovedByOneActorThatLies) {
  RunMeasure measure = Simulate(HeavyLearner());
  const RunVerdict honest = Judge(measure);
  ActorMeasure& liar = measure.actors.emplace_back(measure.actors[0]);
  liar.time = ActorMeasure::Time{.busy = kNan, .blocked = 1e300};
  liar.steps_per_s = 1e300;
  const RunVerdict verdict = Judge(measure);
  EXPECT_EQ(verdict.bottleneck, honest.bottleneck);
  EXPECT_NEAR(verdict.actors_wait, honest.actors_wait, 1e-9);
}

TEST(VerdictTest, TakesNoMillisecondForAThousandActors) {
  RunMeasure measure = Simulate(HeavyLearner());
  const ActorMeasure actor = measure.actors[0];
  measure.actors.assign(1024, actor);
  for (uint32_t i = 0; i < 1024; ++i) measure.actors[i].index = i;
  measure.env_steps_per_s *= 256.0;
  measure.learner.updates_per_s *= 256.0;
  measure.cores_here = 512.0;
  double best_s = kInf;
  for (int i = 0; i < 20; ++i) {  // whatever else the machine does
    const Stopwatch watch;
    const std::string text = VerdictText(Judge(measure));
    best_s = std::min(best_s, watch.Elapsed());
    ASSERT_THAT(text, Not(IsEmpty()));
  }
  RecordProperty("us", static_cast<int>(1e6 * best_s));
  EXPECT_LT(best_s, 1e-3);
}

}  // namespace
}  // namespace pmoe
