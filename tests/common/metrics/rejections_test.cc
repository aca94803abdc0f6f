// What is refused is counted by door and reason, and served.
#include "common/metrics/rejections.h"

#include "gmock/gmock.h"
#include "tests/testing/fake_clock.h"

namespace pmoe {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

// What `say` writes to stderr.
template <typename Say>
std::string SaidBy(Say say) {
  testing::internal::CaptureStderr();
  say();
  return testing::internal::GetCapturedStderr();
}

TEST(RejectionsTest, AreCountedByDoorAndReason) {
  Rejections rejections;
  SaidBy([&] {
    rejections.Add("follow", "version", "actor 1", "policy version 99 was never published");
    rejections.Add("follow", "version", "actor 2", "policy version 98 was never published");
    rejections.Add("join", "too_long", "a process", "host has 60000000 bytes");
  });
  EXPECT_THAT(rejections.Counts(),
              ElementsAre(Pair(Pair("follow", "version"), 2), Pair(Pair("join", "too_long"), 1)));
}

TEST(RejectionsTest, AFloodSaysOneLineInTenSecondsAndHowManyThereWere) {
  FakeClock clock;
  Rejections rejections(&clock);
  const auto say = [&] { rejections.Add("follow", "version", "actor 1", "it is 99"); };
  EXPECT_THAT(SaidBy(say), HasSubstr("refused of actor 1 at follow: it is 99\n"));
  EXPECT_EQ(SaidBy(say) + SaidBy(say), "");
  clock.Advance(std::chrono::seconds(10));
  EXPECT_THAT(SaidBy(say), HasSubstr("it is 99 (and 2 before it)\n"));
}

TEST(RejectionsTest, AFloodOfOneKindDoesNotHideAnother) {
  FakeClock clock;
  Rejections rejections(&clock);
  SaidBy([&] { rejections.Add("follow", "version", "actor 1", "it is 99"); });
  EXPECT_THAT(SaidBy([&] { rejections.Add("follow", "seat", "actor 2", "of nobody"); }),
              HasSubstr("actor 2"));
}

}  // namespace
}  // namespace pmoe
