#include "cli/train/seed_schedule.h"

#include "gtest/gtest.h"

namespace pmoe {
namespace {

int AtOnce(int runs, int cores, int cores_each = 1) {
  return SeedsAtOnce({.runs = runs, .cores = cores, .cores_each = cores_each});
}

TEST(SeedScheduleTest, AsManyAsThereAreRunsWhereEachHasItsCores) {
  EXPECT_EQ(AtOnce(1, 8), 1);
  EXPECT_EQ(AtOnce(5, 8), 5);
  EXPECT_EQ(AtOnce(8, 8), 8);
}

TEST(SeedScheduleTest, TurnsAreEvenSoThatNoCoreIdlesWhileARunWaits) {
  EXPECT_EQ(AtOnce(5, 2), 3);
  EXPECT_EQ(AtOnce(4, 2), 2);
  EXPECT_EQ(AtOnce(5, 4), 5);
  EXPECT_EQ(AtOnce(9, 4), 5);
  EXPECT_EQ(AtOnce(3, 1), 1);
}

TEST(SeedScheduleTest, ARunWithSeveralThreadsTakesSeveralCores) {
  EXPECT_EQ(AtOnce(4, 8, 4), 2);
  EXPECT_EQ(AtOnce(3, 2, 16), 1);
}

// The last turn has a run for every core, whatever the numbers, and fewer than two.
TEST(SeedScheduleTest, TheLastTurnFillsTheMachine) {
  for (int cores = 1; cores <= 16; ++cores) {
    for (int runs = cores; runs <= 64; ++runs) {
      const int at_once = AtOnce(runs, cores);
      EXPECT_GE(at_once, cores) << runs << " runs";
      EXPECT_LT(at_once, 2 * cores) << runs << " runs on " << cores;
    }
  }
}

TEST(SeedScheduleTest, NoMoreThanFitIntoMemory) {
  SeedLoad load = {.runs = 5, .cores = 8, .bytes_each = 300, .memory = 1000};
  EXPECT_EQ(SeedsAtOnce(load), 2);
  load.bytes_each = 5000;
  EXPECT_EQ(SeedsAtOnce(load), 1) << "one that does not fit is warned of, and tried";
}

}  // namespace
}  // namespace pmoe
