// Where an actor says that its time went.
#include "actor/actor_clock.h"

#include <memory>
#include <utility>
#include <vector>

#include "actor/actor.h"
#include "gtest/gtest.h"
#include "tests/actor/actor_testing.h"
#include "tests/actor/policy_testing.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

// Takes 2 ms for a row, and for every third one waits a second for room.
class WaitingWriter : public RecordingWriter {
 public:
  WaitingWriter(FakeClock* clock, OnWait on_wait) : clock_(clock), on_wait_(std::move(on_wait)) {}
  absl::Status Write(uint32_t env, const Transition& transition) override {
    clock_->Advance(std::chrono::milliseconds(2));
    if (rows.size() % 3 == 0) {
      on_wait_(true);
      clock_->Advance(std::chrono::seconds(1));
      on_wait_(false);
    }
    return RecordingWriter::Write(env, transition);
  }

 private:
  FakeClock* const clock_;
  const OnWait on_wait_;
};

TEST(ActorClockTest, ReportsSayWhereItsTimeWent) {
  FakeClock clock;
  ActorClock time(&clock);
  WaitingWriter writer(&clock, time.OnWait());
  ListedDirectives client;
  client.directives = {Round(0, 10, 0), Round(1, 20, 7)};
  std::vector<std::unique_ptr<Env>> envs;
  envs.push_back(MakeCheetah());
  ActorOptions options;
  options.clock = &clock;
  options.time = &time;
  Actor actor(options, std::move(envs), CheetahPolicy(), &client, &writer);
  ASSERT_OK(actor.Run());
  ASSERT_EQ(client.reports.size(), 2u);
  EXPECT_DOUBLE_EQ(client.reports[0].seconds.blocked, 4.0);  // rows 0, 3, 6, 9
  EXPECT_DOUBLE_EQ(client.reports[0].seconds.write, 4.02);
  EXPECT_DOUBLE_EQ(client.reports[1].seconds.blocked, 6.0);
  EXPECT_EQ(client.reports[0].acting_version, 0u);
  EXPECT_EQ(client.reports[1].acting_version, 7u);
  EXPECT_DOUBLE_EQ(time.Seconds().blocked, 10.0);
}

// An actor that replay gives no room for ten minutes reports nothing, and is seen to wait.
TEST(ActorClockTest, AWaitForRoomCountsWhileItLasts) {
  FakeClock clock;
  ActorClock time(&clock);
  time.Enter(ActorClock::kWrite);
  clock.Advance(std::chrono::seconds(1));
  time.OnWait()(true);
  clock.Advance(std::chrono::seconds(600));
  EXPECT_DOUBLE_EQ(time.Seconds().blocked, 600.0);
  EXPECT_DOUBLE_EQ(time.Seconds().write, 601.0);
  time.OnWait()(false);
  clock.Advance(std::chrono::seconds(1));
  EXPECT_DOUBLE_EQ(time.Seconds().blocked, 600.0);
}

}  // namespace
}  // namespace pmoe
