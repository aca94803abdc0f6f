#include "control/core/report_queues.h"

#include <gmock/gmock.h>

#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

ActorReport Report(uint64_t round) {
  ActorReport report;
  report.round = round;
  return report;
}

TEST(ReportQueuesTest, ARoundIsOneReportOfEachInOrder) {
  ReportQueues queues(2);
  queues.Push(1, Report(11));
  queues.Push(1, Report(12));
  EXPECT_FALSE(queues.TakeRound().has_value());
  queues.Push(0, Report(1));
  const auto round = queues.TakeRound();
  ASSERT_TRUE(round.has_value());
  ASSERT_EQ(round->size(), 2u);
  EXPECT_EQ((*round)[0].round, 1u);
  EXPECT_EQ((*round)[1].round, 11u);
  EXPECT_FALSE(queues.TakeRound().has_value());
}

TEST(ReportQueuesTest, LateNamesWhoIsMissing) {
  ReportQueues queues(3);
  queues.Push(1, Report(1));
  EXPECT_THAT(queues.Late(std::chrono::seconds(5)),
              FailsWith(absl::StatusCode::kDeadlineExceeded, "for 5 s from actor 0, 2"));
}

TEST(ReportQueuesTest, OfAnActorNobodyListensToTheNewestStay) {
  ReportQueues queues(0);
  for (uint64_t i = 0; i < ReportQueues::kPerActor_max + 2; ++i) queues.Push(3, Report(i));
  const std::vector<ActorReport> all = queues.TakeAll();
  ASSERT_EQ(all.size(), ReportQueues::kPerActor_max);
  EXPECT_EQ(all.front().round, 2u);
  EXPECT_TRUE(queues.TakeAll().empty());
}

// 60 million episodes of one stream took 1.6 GB.
TEST(ReportQueuesTest, OfManyEpisodesTheNewestReportsStay) {
  ReportQueues queues(2);
  queues.Push(0, Report(7));
  ActorReport many = Report(1);
  many.episodes.resize(ReportQueues::kEpisodes_max / 2);
  for (uint64_t i = 1; i <= 5; ++i) {
    many.round = i;
    queues.Push(1, many);
  }
  const std::vector<ActorReport> all = queues.TakeAll();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].round, 7u);
  EXPECT_EQ(all[1].round, 4u);
  EXPECT_EQ(all[2].round, 5u);
}

}  // namespace
}  // namespace pmoe
