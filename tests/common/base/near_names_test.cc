#include "common/base/near_names.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace pmoe {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::vector<std::string> kKnown = {"HalfCheetah-v5", "Hopper-v5", "Humanoid-v5"};

TEST(NearNamesTest, FindsAMisspelling) {
  EXPECT_THAT(NearNames("HalfCheeta-v5", kKnown), ElementsAre("HalfCheetah-v5"));
}

TEST(NearNamesTest, IgnoresCase) {
  EXPECT_THAT(NearNames("HUMANOID-V5", kKnown), ElementsAre("Humanoid-v5"));
}

TEST(NearNamesTest, FindsANameThatContainsTheWord) {
  EXPECT_THAT(NearNames("cheetah", kKnown), ElementsAre("HalfCheetah-v5"));
}

TEST(NearNamesTest, PutsTheNearestFirst) {
  EXPECT_THAT(NearNames("rate", {"rates", "late", "rate"}), ElementsAre("rate", "rates", "late"));
}

TEST(NearNamesTest, GivesThreeAtMost) {
  EXPECT_THAT(NearNames("aaa", {"aab", "aac", "aad", "aae"}), SizeIs(3));
}

TEST(NearNamesTest, GivesNothingForAWordLikeNoOther) {
  EXPECT_THAT(NearNames("Pong", kKnown), IsEmpty());
}

TEST(NearNamesTest, TakesAWordOfAnyLength) {
  EXPECT_THAT(NearNames(std::string(1 << 20, 'x'), kKnown), IsEmpty());
}

}  // namespace
}  // namespace pmoe
