#include "common/base/usage_text.h"

#include <gtest/gtest.h>

namespace pmoe {
namespace {

// That CLI11 says these, tests/cli/first_steps_test.cc shows.
TEST(UsageTextTest, SaysFlagValueAndFix) {
  EXPECT_EQ(UsageText("--env: 1 required ID missing"), "--env needs a value: --env ID");
  EXPECT_EQ(UsageText("--seed: At Most 1 required but received 2"),
            "--seed is given 2 times; give it once");
  EXPECT_EQ(UsageText("--jobs: Value 0 not in range 1 to 1024"),
            "--jobs must be from 1 to 1024, got 0");
  EXPECT_EQ(UsageText("--jobs: Value a: b not in range 1 to 1024"),
            "--jobs must be from 1 to 1024, got a: b");
  EXPECT_EQ(UsageText("--snapshot: new not in {latest,best}"),
            "--snapshot must be latest or best, got new");
  EXPECT_EQ(UsageText("--video excludes --png"),
            "--video and --png cannot go together; leave one away");
  EXPECT_EQ(UsageText("--a requires --b"), "--a is of use only with --b; add it");
  EXPECT_EQ(UsageText("--run is required"), "--run is missing");
  EXPECT_EQ(UsageText("Could not convert: --seed = x"), "--seed must be a number, got x");
}

TEST(UsageTextTest, LeavesOtherWordsAsTheyAre) {
  for (const char* said : {"", ":", ": ", "--env: is odd", "--env: 1 required", "not in {a}",
                           "Could not convert: x", "a excludes", "--x: v not in {a"}) {
    EXPECT_EQ(UsageText(said), said);
  }
}

}  // namespace
}  // namespace pmoe
