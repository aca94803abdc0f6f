#include "common/verdict/stragglers.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pmoe {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

RunMeasure Actors(const std::vector<double>& steps_per_s) {
  RunMeasure measure;
  for (const double rate : steps_per_s) {
    ActorMeasure& actor = measure.actors.emplace_back();
    actor.index = static_cast<uint32_t>(measure.actors.size() - 1);
    actor.steps_per_s = rate;
    actor.time = ActorMeasure::Time{.busy = 1.0};
  }
  return measure;
}

TEST(StragglersTest, AreThoseFarBelowTheMiddleActor) {
  std::vector<double> rates(16, 100.0);
  rates[3] = rates[7] = 5.0;
  rates[12] = 2.0;
  rates[5] = 60.0;  // slower, and no straggler
  const RunMeasure measure = Actors(rates);
  const Stragglers found = FindStragglers(measure);
  EXPECT_THAT(found.slow, ElementsAre(3, 7, 12));
  EXPECT_EQ(StragglersText(found, measure.pace),
            "Actors 3, 7 and 12 make 4 % of the others' steps.");
}

TEST(StragglersTest, AreFoundWhileNearlyHalfTheActorsAreSlow) {
  EXPECT_THAT(FindStragglers(Actors({100, 100, 100, 1, 1})).slow, ElementsAre(3, 4));
}

TEST(StragglersTest, AreNotThereWhereActorsAreOfTwoKinds) {
  EXPECT_THAT(FindStragglers(Actors({100, 60, 100, 60, 100, 60})).slow, IsEmpty());
}

TEST(StragglersTest, MayBeOneOfTwoButNeverTheOnlyActor) {
  EXPECT_THAT(FindStragglers(Actors({10, 100})).slow, ElementsAre(0));
  EXPECT_THAT(FindStragglers(Actors({10})).slow, IsEmpty());
}

TEST(StragglersTest, MakeLessThanOnePercent) {
  const RunMeasure measure = Actors({100, 0, 100});
  EXPECT_EQ(StragglersText(FindStragglers(measure), measure.pace),
            "Actor 1 makes less than 1 % of the others' steps.");
}

// Rows enter in chunks, so that one of many actors may have entered none for seconds.
TEST(StragglersTest, DoNotWaitForRoom) {
  RunMeasure measure = Actors({100, 0, 100});
  measure.actors[1].time = ActorMeasure::Time{.busy = 0.01, .blocked = 0.99};
  EXPECT_FALSE(FindStragglers(measure).any());
}

TEST(StragglersTest, SayNothing) {
  RunMeasure measure = Actors({100, 100, 100, 100});
  measure.actors[1].silent_s = 7.8;
  measure.actors[2].connected = false;
  const Stragglers found = FindStragglers(measure);
  EXPECT_THAT(found.slow, IsEmpty());
  EXPECT_EQ(StragglersText(found, measure.pace), "Actors 1 and 2 have said nothing for 8 s.");
}

TEST(StragglersTest, TakeLongerForTheSameStepsInRounds) {
  RunMeasure measure = Actors({100, 100, 100, 100});
  measure.pace = Pace::kTurns;
  for (ActorMeasure& actor : measure.actors) actor.time->busy = 0.1;
  measure.actors[2].time->busy = 0.5;
  EXPECT_EQ(StragglersText(FindStragglers(measure), measure.pace),
            "Actor 2 takes 5 times as long for a step as the others, who wait.");
}

TEST(StragglersTest, AreNoneWhereNoActorMakesSteps) {
  EXPECT_FALSE(FindStragglers(Actors({0, 0, 0})).any());
  EXPECT_FALSE(FindStragglers(RunMeasure()).any());
}

TEST(ActorNamesTest, LeavesManyOut) {
  EXPECT_EQ(ActorNames({4}), "actor 4");
  EXPECT_EQ(ActorNames({4, 5}), "actors 4 and 5");
  std::vector<uint32_t> many;
  for (uint32_t i = 0; i < 20; ++i) many.push_back(i);
  EXPECT_EQ(ActorNames(many), "actors 0, 1, 2, 3, 4, 5 and 14 more");
}

}  // namespace
}  // namespace pmoe
