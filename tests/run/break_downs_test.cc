#include "run/break_downs.h"

#include <gmock/gmock.h>

#include <vector>

#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

using ::testing::HasSubstr;

std::vector<EpisodeResult> Episodes(int good, int broken) {
  std::vector<EpisodeResult> episodes(good);
  episodes.insert(episodes.end(), broken, {.diverged = 1});
  return episodes;
}

TEST(BreakDownsTest, SpeaksAtTheFirstTheTenthAndTheHundredth) {
  BreakDowns broken(1.0);
  EXPECT_FALSE(broken.Add(Episodes(3, 0)).has_value());
  EXPECT_THAT(*broken.Add(Episodes(0, 1)), HasSubstr("broke down in 1 of 4 episodes (25 %)"));
  EXPECT_FALSE(broken.Add(Episodes(0, 8)).has_value());
  EXPECT_THAT(*broken.Add(Episodes(7, 1)), HasSubstr("in 10 of 20 episodes (50 %)"));
  EXPECT_FALSE(broken.Add(Episodes(0, 89)).has_value());
  EXPECT_THAT(*broken.Add(Episodes(0, 1)), HasSubstr("in 100 of 110 episodes"));
}

TEST(BreakDownsTest, AShareAboveTheOneAllowedIsAnErrorFromTwentyEpisodesOn) {
  BreakDowns broken(0.5);
  broken.Add(Episodes(0, 19));
  EXPECT_OK(broken.Check());
  broken.Add(Episodes(1, 0));
  EXPECT_THAT(broken.Check(),
              FailsWith(absl::StatusCode::kFailedPrecondition, "19 of the last 20 episodes"));
}

TEST(BreakDownsTest, OnlyTheLastHundredEpisodesCount) {
  BreakDowns broken(0.5);
  broken.Add(Episodes(0, 100));
  broken.Add(Episodes(50, 0));
  EXPECT_OK(broken.Check());
}

TEST(BreakDownsTest, AShareOfOneAllowsEveryBreakDown) {
  BreakDowns broken(1.0);
  broken.Add(Episodes(0, 100));
  EXPECT_OK(broken.Check());
}

}  // namespace
}  // namespace pmoe
