#include "dashboard/actor_history.h"

#include <cmath>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/dashboard/dashboard_testing.h"

namespace pmoe {
namespace {

TEST(ActorHistoryTest, AColumnIsTheMeanOfWhatCameInItsTime) {
  ActorHistory history;
  history.Add(StatusOfActors({100, 300}), 0.0);
  history.Add(StatusOfActors({200, 300}), 0.5 * ActorHistory::kColumn_s);
  history.Add(StatusOfActors({400, 300}), 1.0 * ActorHistory::kColumn_s);
  EXPECT_EQ(history.times(), 2u);
  EXPECT_EQ(history.at(0, 0, ActorHistory::kStepsPerS), 150.0);
  EXPECT_EQ(history.at(0, 1, ActorHistory::kStepsPerS), 400.0);
  EXPECT_EQ(history.at(1, 1, ActorHistory::kStepsPerS), 300.0);
}

TEST(ActorHistoryTest, WhatAProcessDoesNotSayIsUnknownAndNotZero) {
  RunStatus status = StatusOfActors({100});
  status.mutable_members(0)->mutable_rates()->clear_time();
  status.mutable_members(0)->set_policy_version(0);
  ActorHistory history;
  history.Add(status, 0.0);
  EXPECT_TRUE(std::isnan(history.at(0, 0, ActorHistory::kBlocked)));
  EXPECT_TRUE(std::isnan(history.at(0, 0, ActorHistory::kBehind)));
}

TEST(ActorHistoryTest, AnActorThatIsGoneLeavesAGap) {
  RunStatus status = StatusOfActors({100, 100});
  ActorHistory history;
  history.Add(status, 0.0);
  status.mutable_members(1)->set_connected(false);
  history.Add(status, ActorHistory::kColumn_s);
  EXPECT_TRUE(std::isnan(history.at(1, 1, ActorHistory::kStepsPerS)));
  EXPECT_EQ(history.at(0, 1, ActorHistory::kStepsPerS), 100.0);
}

TEST(ActorHistoryTest, WeightsAgeIsCountedFromTheNewest) {
  RunStatus status = StatusOfActors({100});
  status.set_policy_version(12);
  status.mutable_members(0)->set_policy_version(7);
  ActorHistory history;
  history.Add(status, 0.0);
  EXPECT_EQ(history.at(0, 0, ActorHistory::kBehind), 5.0);
}

TEST(ActorHistoryTest, ADayStaysBoundedAndIsThereFromItsBeginning) {
  ActorHistory history;
  for (int second = 0; second < 24 * 3600; second += 2) {
    history.Add(StatusOfActors({second < 12 * 3600 ? 100.0 : 300.0}), second);
  }
  ASSERT_LE(history.times(), ActorHistory::kTimesMax);
  EXPECT_GT(history.times(), ActorHistory::kTimesMax / 2);
  EXPECT_GE(history.times() * history.column_s(), 24 * 3600.0);
  EXPECT_EQ(history.at(0, 0, ActorHistory::kStepsPerS), 100.0);
  EXPECT_EQ(history.at(0, history.times() - 1, ActorHistory::kStepsPerS), 300.0);
}

TEST(ActorHistoryTest, MoreActorsThanThereIsRoomForAreTheOnesOfHighIndex) {
  ActorHistory history;
  history.Add(StatusOfActors(std::vector<double>(ActorHistory::kActorsMax + 10, 1.0)), 0.0);
  EXPECT_EQ(history.actors(), ActorHistory::kActorsMax);
  EXPECT_EQ(history.at(0, 0, ActorHistory::kStepsPerS), 1.0);
  EXPECT_TRUE(std::isnan(history.at(ActorHistory::kActorsMax, 0, ActorHistory::kStepsPerS)));
}

TEST(ActorHistoryTest, SaysInJsonWhatIsNewFromAColumnOn) {
  ActorHistory history;
  history.Add(StatusOfActors({100, 200}), 0.0);
  history.Add(StatusOfActors({101, 201}), ActorHistory::kColumn_s);
  const auto all = nlohmann::json::parse(history.Json(ActorHistory::kStepsPerS, 0));
  EXPECT_EQ(all["rows"].dump(), "[[100,101],[200,201]]");
  EXPECT_EQ(all["actors"].dump(), "[0,1]");
  const auto news = nlohmann::json::parse(history.Json(ActorHistory::kStepsPerS, 1));
  EXPECT_EQ(news["rows"].dump(), "[[101],[201]]");
  EXPECT_EQ(news["times"], 2);
}

}  // namespace
}  // namespace pmoe
