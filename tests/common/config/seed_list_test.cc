#include "common/config/seed_list.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

void ExpectSeeds(const char* text, const std::vector<uint64_t>& seeds) {
  const absl::StatusOr<std::vector<uint64_t>> parsed = ParseSeeds(text);
  ASSERT_OK(parsed);
  EXPECT_EQ(*parsed, seeds);
}

TEST(SeedListTest, RangesAndListsGiveTheirSeedsInOrder) {
  ExpectSeeds("1..5", {1, 2, 3, 4, 5});
  ExpectSeeds("7,1,3", {7, 1, 3});
  ExpectSeeds("0, 4..4, 9..10", {0, 4, 9, 10});
  ExpectSeeds("18446744073709551614..18446744073709551615", {UINT64_MAX - 1, UINT64_MAX});
}

TEST(SeedListTest, WhatIsNoSeedIsNamed) {
  for (const char* text :
       {"", "one", "-1", "+1", "1.5", "1,", "1..", "..3", "1...3", "18446744073709551616", "1;2"}) {
    const absl::Status status = ParseSeeds(text).status();
    EXPECT_THAT(status, IsInvalid("needs whole numbers from 0 to ")) << text;
  }
}

TEST(SeedListTest, ARangeThatRunsBackwardsSaysHowItRunsForwards) {
  EXPECT_THAT(ParseSeeds("5..1").status(), IsInvalid("write the smaller seed first: 1..5"));
}

TEST(SeedListTest, ASeedTwiceIsNamed) {
  EXPECT_THAT(ParseSeeds("1..4,3").status(), IsInvalid("names the seed 3 twice"));
}

TEST(SeedListTest, TooManySeedsAreRefusedBeforeTheyAreMade) {
  ASSERT_OK(ParseSeeds("1..256"));
  for (const char* text : {"0..256", "1..200,1001..1057", "0..18446744073709551615"}) {
    EXPECT_THAT(ParseSeeds(text).status(), IsInvalid("at most 256 seeds")) << text;
  }
}

}  // namespace
}  // namespace pmoe
