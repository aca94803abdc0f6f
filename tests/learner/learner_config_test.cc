// What is said about a policy before it trains.
#include "learner/learner_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pmoe {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

PolicySpec Policy(ActionMap map, std::vector<double> low, std::vector<double> high) {
  PolicySpec policy;
  policy.action_map = map;
  policy.action_low = std::move(low);
  policy.action_high = std::move(high);
  return policy;
}

TEST(PolicyWarningsTest, NameActionsThatAClippedPolicyHardlyReaches) {
  const std::vector<double> low = {-1, 2, -0.01, -500}, high = {1, 3, 0.01, 500};
  EXPECT_THAT(PolicyWarnings(Policy(ActionMap::kClip, low, high)),
              ElementsAre(HasSubstr("action 1 lies in [2, 3], action 2 lies in [-0.01, 0.01], "
                                    "action 3 lies in [-500, 500]: a policy that is clipped")));
}

TEST(PolicyWarningsTest, AreNoneWhereTheBoundsAreReached) {
  EXPECT_THAT(PolicyWarnings(Policy(ActionMap::kRescaleClip, {2}, {3})), IsEmpty());
  EXPECT_THAT(PolicyWarnings(Policy(ActionMap::kSquash, {2}, {3})), IsEmpty());
  EXPECT_THAT(PolicyWarnings(Policy(ActionMap::kClip, {-0.4, -3}, {0.4, 3})), IsEmpty());
}

TEST(PolicyWarningsTest, ListAFewAndCountTheRest) {
  EXPECT_THAT(PolicyWarnings(Policy(ActionMap::kClip, std::vector<double>(20, 1.0),
                                    std::vector<double>(20, 2.0))),
              ElementsAre(HasSubstr("action 3 lies in [1, 2] and 16 more are like that")));
}

}  // namespace
}  // namespace pmoe
