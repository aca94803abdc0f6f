#include "control/core/evaluation_backlog.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/common/policy/sample_policy.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

using Keep = EvaluationBacklog::Keep;

std::shared_ptr<const PolicySnapshot> Version(uint64_t version) {
  PolicySnapshot snapshot = SmallSnapshot();
  snapshot.version = version;
  return std::make_shared<const PolicySnapshot>(std::move(snapshot));
}

Evaluation Return(double mean) {
  Evaluation evaluation;
  evaluation.return_mean = mean;
  return evaluation;
}

TEST(EvaluationBacklogTest, NothingToDoIsNull) {
  EvaluationBacklog backlog(Keep::kAll);
  EXPECT_EQ(backlog.Next(milliseconds(0)), nullptr);
  EXPECT_TRUE(backlog.Take(seconds(0))->empty());
}

TEST(EvaluationBacklogTest, ASnapshotStaysUntilItsResultIsThere) {
  EvaluationBacklog backlog(Keep::kAll);
  ASSERT_OK(backlog.Submit(Version(1)));
  // An evaluator that died; the next one gets the same.
  EXPECT_EQ(backlog.Next(milliseconds(0))->version, 1u);
  EXPECT_EQ(backlog.Next(milliseconds(0))->version, 1u);
  backlog.Finish(*Version(1), Return(3.0));
  const auto done = backlog.Take(seconds(0));
  ASSERT_EQ(done->size(), 1u);
  EXPECT_EQ(done->front().evaluation->return_mean, 3.0);
  EXPECT_EQ(backlog.Next(milliseconds(0)), nullptr);
}

TEST(EvaluationBacklogTest, AResultThatNobodyWaitsForIsIgnored) {
  EvaluationBacklog backlog(Keep::kAll);
  backlog.Finish(*Version(1), Return(3.0));
  ASSERT_OK(backlog.Submit(Version(2)));
  backlog.Finish(*Version(1), Return(3.0));
  EXPECT_TRUE(backlog.Take(seconds(0))->empty());
  EXPECT_EQ(backlog.Next(milliseconds(0))->version, 2u);
}

TEST(EvaluationBacklogTest, KeepAllEvaluatesEveryOneInOrder) {
  EvaluationBacklog backlog(Keep::kAll);
  std::thread evaluator([&] {
    for (int i = 0; i < 4; ++i) {
      const auto next = backlog.Next(seconds(20));
      backlog.Finish(*next, Return(static_cast<double>(next->version)));
    }
  });
  for (const uint64_t version : {1, 2, 3, 4}) ASSERT_OK(backlog.Submit(Version(version)));
  const auto done = backlog.Take(seconds(20));
  evaluator.join();
  ASSERT_OK(done);
  ASSERT_EQ(done->size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ((*done)[i].snapshot->version, i + 1);
    EXPECT_EQ((*done)[i].evaluation->return_mean, static_cast<double>(i + 1));
  }
}

TEST(EvaluationBacklogTest, KeepNewestLetsOneThatStillWaitsGiveWay) {
  EvaluationBacklog backlog(Keep::kNewest);
  for (const uint64_t version : {1, 2, 3}) ASSERT_OK(backlog.Submit(Version(version)));
  EXPECT_EQ(backlog.Next(milliseconds(0))->version, 3u);
  // The one that is being played is not thrown away.
  ASSERT_OK(backlog.Submit(Version(4)));
  ASSERT_OK(backlog.Submit(Version(5)));
  EXPECT_EQ(backlog.Next(milliseconds(0))->version, 3u);
  backlog.Finish(*Version(3), Return(1.0));
  EXPECT_EQ(backlog.Next(milliseconds(0))->version, 5u);
  const auto done = backlog.Take(seconds(0));
  ASSERT_EQ(done->size(), 4u);  // 1, 2 and 4 without a result, 3 with one
  EXPECT_FALSE((*done)[0].evaluation.has_value());
  EXPECT_FALSE((*done)[1].evaluation.has_value());
}

// Ctrl-C while an evaluation takes for ever once left the learner waiting for ten minutes.
TEST(EvaluationBacklogTest, InterruptedItWaitsForNoEvaluatorAndForgetsNothing) {
  EvaluationBacklog backlog(Keep::kAll);
  const std::atomic<bool> interrupted = true;
  backlog.InterruptBy(&interrupted);
  for (const uint64_t version : {1, 2, 3}) ASSERT_OK(backlog.Submit(Version(version)));
  EXPECT_THAT(backlog.Take(seconds(600)), FailsWith(absl::StatusCode::kCancelled, "interrupted"));
  EXPECT_EQ(backlog.Waiting().size(), 3u);
  EvaluationBacklog next_life(Keep::kAll);
  next_life.Restore(backlog.Waiting());
  EXPECT_EQ(next_life.Next(milliseconds(0))->version, 1u);
}

// An evaluation that ended between two looks was in no checkpoint: its row stayed empty.
TEST(EvaluationBacklogTest, WhatIsEvaluatedAndNotTakenYetIsNotForgotten) {
  EvaluationBacklog backlog(Keep::kAll);
  for (const uint64_t version : {1, 2}) ASSERT_OK(backlog.Submit(Version(version)));
  backlog.Finish(*backlog.Next(milliseconds(0)), Evaluation());
  ASSERT_EQ(backlog.Waiting().size(), 2u);
  EXPECT_EQ(backlog.Waiting()[0]->version, 1u);
}

TEST(EvaluationBacklogTest, AFailureReachesTheLearner) {
  EvaluationBacklog backlog(Keep::kAll);
  backlog.Fail(absl::InternalError("the env broke"));
  backlog.Fail(absl::InternalError("later"));
  EXPECT_THAT(backlog.Submit(Version(1)), FailsWith(absl::StatusCode::kInternal, "the env broke"));
  EXPECT_THAT(backlog.Take(seconds(1)), FailsWith(absl::StatusCode::kInternal, "the env broke"));
}

TEST(EvaluationBacklogTest, WithoutAnEvaluatorTakeSaysSo) {
  FakeClock clock;
  EvaluationBacklog backlog(Keep::kAll, &clock);
  ASSERT_OK(backlog.Submit(Version(1)));
  EXPECT_THAT(backlog.Take(seconds(600)),
              FailsWith(absl::StatusCode::kDeadlineExceeded, "is an evaluator running"));
}

TEST(EvaluationBacklogTest, SubmitWaitsTenMinutesForAPlaceAndNoLonger) {
  FakeClock clock;
  EvaluationBacklog backlog(Keep::kAll, &clock);
  for (const int version : {1, 2}) ASSERT_OK(backlog.Submit(Version(version)));
  const Clock::Time before = clock.Now();
  EXPECT_THAT(backlog.Submit(Version(3)),
              FailsWith(absl::StatusCode::kDeadlineExceeded, "not evaluated within 600 s"));
  EXPECT_EQ(clock.Now() - before, seconds(600));
}

}  // namespace
}  // namespace pmoe
