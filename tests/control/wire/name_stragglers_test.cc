#include "control/wire/name_stragglers.h"

#include <limits>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pmoe {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Actors that work all their time and make so many steps per second.
RunStatus StatusOf(const std::vector<double>& steps_per_s) {
  RunStatus status;
  status.set_mode("async");
  status.set_state("running");
  status.mutable_verdict()->set_text("Nothing stands out.");
  for (const double rate : steps_per_s) {
    MemberStatus* const actor = status.add_members();
    actor->set_role(RUN_ROLE_ACTOR);
    actor->set_index(static_cast<uint32_t>(status.members_size() - 1));
    actor->set_connected(true);
    actor->mutable_rates()->set_env_steps_per_s(rate);
    actor->mutable_rates()->mutable_time()->set_env(1.0);
  }
  return status;
}

TEST(NameStragglersTest, TellsWhoIsSlowAndWhoIsSilentAsNumbersAndWords) {
  RunStatus status = StatusOf({100, 100, 5, 100, 100});
  status.mutable_members(0)->set_last_report_s(4.0);
  status.mutable_members(3)->set_connected(false);
  status.mutable_members(3)->set_last_report_s(9.0);
  NameStragglers(&status);
  EXPECT_THAT(status.verdict().slow_actors(), ElementsAre(2));
  EXPECT_THAT(status.verdict().silent_actors(), ElementsAre(0, 3));
  EXPECT_EQ(status.verdict().text(),
            "Nothing stands out. Actor 2 makes 5 % of the others' steps. Actors 0 and 3 have said "
            "nothing for 9 s.");
}

TEST(NameStragglersTest, LeavesAVerdictAloneWhereNobodyIsBehind) {
  RunStatus status = StatusOf({100, 60, 100});
  status.mutable_members(1)->set_last_report_s(3.9);
  MemberStatus* const replay = status.add_members();
  replay->set_role(RUN_ROLE_REPLAY);
  replay->set_last_report_s(60.0);
  const std::string before = status.SerializeAsString();
  NameStragglers(&status);
  EXPECT_EQ(status.SerializeAsString(), before);
}

// Its actors have left, as they should.
TEST(NameStragglersTest, NamesNobodyOnceTheRunIsFinished) {
  RunStatus status = StatusOf({100, 100});
  status.mutable_members(0)->set_connected(false);
  status.set_state("finished");
  NameStragglers(&status);
  EXPECT_THAT(status.verdict().silent_actors(), IsEmpty());
}

// All make the same steps of a round: the slow one works longer for them.
TEST(NameStragglersTest, OfALockstepRunLooksAtTheTimeOfAStep) {
  RunStatus status = StatusOf({100, 100, 100});
  status.set_mode("lockstep");
  for (const int other : {0, 2}) {
    ActorTime* const time = status.mutable_members(other)->mutable_rates()->mutable_time();
    time->set_env(0.1);
    time->set_idle(0.9);
  }
  NameStragglers(&status);
  EXPECT_THAT(status.verdict().slow_actors(), ElementsAre(1));
}

TEST(NameStragglersTest, TakesNoNumberOfAPeerForGranted) {
  for (const double any : {std::numeric_limits<double>::quiet_NaN(), 1e300, -1e300}) {
    RunStatus status = StatusOf({100, 100, 100, any});
    status.mutable_members(3)->mutable_rates()->mutable_time()->set_blocked(any);
    NameStragglers(&status);
    EXPECT_THAT(status.verdict().slow_actors(), IsEmpty()) << any;
    EXPECT_THAT(status.verdict().silent_actors(), IsEmpty()) << any;
  }
}

}  // namespace
}  // namespace pmoe
