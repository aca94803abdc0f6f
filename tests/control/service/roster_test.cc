#include "control/service/roster.h"

#include <gtest/gtest.h>

#include "tests/control/service/service_testing.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

constexpr RunRole kActor = RUN_ROLE_ACTOR;

Seat JoinAs(Roster* roster, uint32_t pid, double now_s = 0.0, RunRole role = kActor) {
  const auto seat = roster->Join(MakeJoin(role, pid), now_s);
  EXPECT_OK(seat);
  return seat.value_or(Seat());
}

TEST(RosterTest, ActorsGetTheLowestFreeIndices) {
  Roster roster(SmallRoster());
  EXPECT_EQ(JoinAs(&roster, 1).index(), 0u);
  EXPECT_EQ(JoinAs(&roster, 2).index(), 1u);
  EXPECT_EQ(JoinAs(&roster, 3).index(), 2u);
  EXPECT_EQ(JoinAs(&roster, 4, 0.0, RUN_ROLE_REPLAY).index(), 0u);
}

TEST(RosterTest, ASuccessorOfAnIndexHasTheNextEpoch) {
  RosterOptions options = SmallRoster();
  options.first_epoch = 1 << 16;
  Roster roster(options);
  const Seat first = JoinAs(&roster, 1);
  EXPECT_EQ(first.epoch(), 1u << 16);
  const auto stream = roster.Connect(kActor, first, 0.0);
  ASSERT_OK(stream);
  EXPECT_TRUE(roster.Disconnect(kActor, first, *stream));
  const Seat second = JoinAs(&roster, 2, 1.0);
  EXPECT_EQ(second.index(), 0u);
  EXPECT_EQ(second.epoch(), (1u << 16) + 1);
  EXPECT_EQ(roster.joins(kActor, 0), 2u);
}

TEST(RosterTest, InLockstepTheEpochStaysZero) {
  Roster roster(SmallRoster(/*lockstep=*/true, /*actors=*/1));
  const Seat first = JoinAs(&roster, 1);
  const auto stream = roster.Connect(kActor, first, 0.0);
  ASSERT_OK(stream);
  roster.Disconnect(kActor, first, *stream);
  EXPECT_EQ(JoinAs(&roster, 2, 1.0).epoch(), 0u);
}

TEST(RosterTest, OneThatComesBackKeepsItsSeat) {
  Roster roster(SmallRoster());
  JoinAs(&roster, 1);
  const Seat seat = JoinAs(&roster, 2);
  JoinRequest again = MakeJoin(kActor, 2);
  *again.mutable_previous() = seat;
  const auto back = roster.Join(again, 1.0);
  ASSERT_OK(back);
  EXPECT_EQ(back->index(), seat.index());
  EXPECT_EQ(back->epoch(), seat.epoch());
}

TEST(RosterTest, ASeatThatWasGivenAwayIsNotKept) {
  Roster roster(SmallRoster());
  const Seat seat = JoinAs(&roster, 1);
  const double later_s = kSilence_s + 1.0;
  EXPECT_EQ(JoinAs(&roster, 2, later_s).index(), seat.index());
  JoinRequest again = MakeJoin(kActor, 1);
  *again.mutable_previous() = seat;
  const auto back = roster.Join(again, later_s);
  ASSERT_OK(back);
  EXPECT_EQ(back->index(), 1u);
  EXPECT_THAT(roster.Connect(kActor, seat, later_s),
              FailsWith(absl::StatusCode::kAborted, "not yours any more"));
}

TEST(RosterTest, ARestartedLearnerTakesSeatsAsTheyWere) {
  Roster roster(SmallRoster());
  JoinRequest again = MakeJoin(kActor, 1);
  again.mutable_previous()->set_run_id("run");
  again.mutable_previous()->set_index(5);
  again.mutable_previous()->set_epoch(3);
  const auto seat = roster.Join(again, 0.0);
  ASSERT_OK(seat);
  EXPECT_EQ(seat->index(), 5u);
  EXPECT_EQ(seat->epoch(), 3u);
}

TEST(RosterTest, ASeatOfAnotherRunIsNotKept) {
  Roster roster(SmallRoster());
  JoinRequest request = MakeJoin(kActor, 1);
  request.mutable_previous()->set_run_id("another");
  request.mutable_previous()->set_index(5);
  const auto seat = roster.Join(request, 0.0);
  ASSERT_OK(seat);
  EXPECT_EQ(seat->index(), 0u);
  EXPECT_EQ(seat->run_id(), "run");
}

TEST(RosterTest, ASpareOneWaitsUntilASeatIsFree) {
  Roster roster(SmallRoster());
  const Seat seat = JoinAs(&roster, 1, 0.0, RUN_ROLE_EVALUATOR);
  const auto stream = roster.Connect(RUN_ROLE_EVALUATOR, seat, 0.0);
  ASSERT_OK(stream);
  EXPECT_THAT(roster.Join(MakeJoin(RUN_ROLE_EVALUATOR, 2), 1.0),
              FailsWith(absl::StatusCode::kUnavailable, "has its 1 evaluator already"));
  roster.Disconnect(RUN_ROLE_EVALUATOR, seat, *stream);
  EXPECT_OK(roster.Join(MakeJoin(RUN_ROLE_EVALUATOR, 2), 2.0));
}

TEST(RosterTest, LockstepHasExactlyItsActors) {
  Roster roster(SmallRoster(/*lockstep=*/true, /*actors=*/2));
  JoinAs(&roster, 1);
  JoinAs(&roster, 2);
  EXPECT_THAT(roster.Join(MakeJoin(kActor, 3), 0.0),
              FailsWith(absl::StatusCode::kUnavailable, "has its 2 actor already"));
}

TEST(RosterTest, AnotherBuildIsRefusedForGood) {
  Roster roster(SmallRoster());
  JoinRequest request = MakeJoin(kActor, 1);
  request.mutable_process()->set_build_id("other");
  EXPECT_THAT(roster.Join(request, 0.0),
              FailsWith(absl::StatusCode::kFailedPrecondition,
                        "the learner is pmoe build, this actor is other"));
  request.mutable_process()->clear_build_id();
  EXPECT_THAT(roster.Join(request, 0.0),
              FailsWith(absl::StatusCode::kFailedPrecondition, "of an unknown build"));
}

TEST(RosterTest, ARoleThatCannotJoinIsRefused) {
  Roster roster(SmallRoster());
  for (const int role : {0, 4, 99}) {
    EXPECT_THAT(roster.Join(MakeJoin(static_cast<RunRole>(role), 1), 0.0),
                IsInvalid("role must be actor, evaluator or replay"));
  }
}

TEST(RosterTest, ASilentMemberIsGoneAfterTenSeconds) {
  Roster roster(SmallRoster());
  const Seat seat = JoinAs(&roster, 1);
  const auto stream = roster.Connect(kActor, seat, 0.0);
  ASSERT_OK(stream);
  EXPECT_TRUE(roster.OnReport(kActor, seat, *stream, FollowerMessage(), 5.0));
  EXPECT_TRUE(roster.Expire(5.0 + kSilence_s - 0.1).empty());
  const std::vector<MemberStatus> gone = roster.Expire(5.0 + kSilence_s);
  ASSERT_EQ(gone.size(), 1u);
  EXPECT_EQ(DescribeMember(gone[0]), "actor 0 (pid 1 on here)");
  EXPECT_EQ(roster.connected(kActor), 0);
  EXPECT_FALSE(roster.OnReport(kActor, seat, *stream, FollowerMessage(), 16.0));
}

TEST(RosterTest, ANewStreamOfTheSameSeatSupersedesTheOldOne) {
  Roster roster(SmallRoster());
  const Seat seat = JoinAs(&roster, 1);
  const auto old_stream = roster.Connect(kActor, seat, 0.0);
  const auto new_stream = roster.Connect(kActor, seat, 1.0);
  ASSERT_OK(new_stream);
  EXPECT_FALSE(roster.OnReport(kActor, seat, *old_stream, FollowerMessage(), 1.0));
  EXPECT_FALSE(roster.Disconnect(kActor, seat, *old_stream));
  EXPECT_TRUE(roster.IsConnected(kActor, seat, *new_stream));
}

TEST(RosterTest, ASeatIsHeldForWhoeverJustJoined) {
  Roster roster(SmallRoster());
  JoinAs(&roster, 1, 0.0);
  EXPECT_EQ(JoinAs(&roster, 2, kSilence_s - 0.1).index(), 1u);
}

TEST(RosterTest, MembersSayWhatTheyLastReported) {
  Roster roster(SmallRoster());
  const Seat seat = JoinAs(&roster, 1);
  const auto stream = roster.Connect(kActor, seat, 0.0);
  FollowerMessage report;
  report.set_policy_version(9);
  report.mutable_rates()->set_reconnects(4);
  ASSERT_TRUE(roster.OnReport(kActor, seat, *stream, report, 2.0));
  const std::vector<MemberStatus> members = roster.Members(3.5);
  ASSERT_EQ(members.size(), 1u);
  EXPECT_EQ(members[0].policy_version(), 9u);
  EXPECT_EQ(members[0].rates().reconnects(), 4u);
  EXPECT_DOUBLE_EQ(members[0].last_report_s(), 1.5);
  EXPECT_TRUE(members[0].connected());
}

}  // namespace
}  // namespace pmoe
