#include "control/service/roster.h"

#include <gtest/gtest.h>

#include "control/core/actor_group.h"
#include "control/wire/seat_signature.h"
#include "tests/control/service/service_testing.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

constexpr RunRole kActor = RUN_ROLE_ACTOR;
constexpr ConductLimits kLimits;
const std::string kHere = "10.0.0.1";

Seat JoinAs(Roster* roster, uint32_t pid, double now_s = 0.0, RunRole role = kActor) {
  const auto seat = roster->Join(MakeJoin(role, pid), kHere, now_s);
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
  const auto back = roster.Join(again, kHere, 1.0);
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
  const auto back = roster.Join(again, kHere, later_s);
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
  SignSeat(SmallRoster().seat_key, kActor, again.mutable_previous());
  const auto seat = roster.Join(again, kHere, 0.0);
  ASSERT_OK(seat);
  EXPECT_EQ(seat->index(), 5u);
  EXPECT_EQ(seat->epoch(), 3u);
}

// Its rows are those of the actors of its index.
TEST(RosterTest, AShardThatComesBackWaitsForItsSeatWhileAnotherIsFree) {
  RosterOptions options = SmallRoster();
  options.shards = 2;
  Roster roster(options);
  std::vector<JoinRequest> back;
  for (const uint32_t pid : {1u, 2u}) {
    JoinRequest request = MakeJoin(RUN_ROLE_REPLAY, 10 + pid);  // of another process
    *request.mutable_previous() = JoinAs(&roster, pid, 0.0, RUN_ROLE_REPLAY);
    back.push_back(request);
  }
  const Seat first = back[0].previous(), second = back[1].previous();
  const auto first_stream = roster.Connect(RUN_ROLE_REPLAY, first, 0.0);
  ASSERT_OK(roster.Connect(RUN_ROLE_REPLAY, second, 0.0));
  roster.Disconnect(RUN_ROLE_REPLAY, first, *first_stream);
  // The second one's last life is not known to be over.
  EXPECT_THAT(roster.Join(back[1], kHere, 1.0),
              FailsWith(absl::StatusCode::kUnavailable, "replay 1 is taken: replay 1 (pid 2"));
  roster.Expire(kSilence_s);
  for (const size_t i : {1u, 0u}) {
    const auto seat = roster.Join(back[i], kHere, kSilence_s);
    ASSERT_OK(seat);
    EXPECT_EQ(seat->index(), i);
    EXPECT_EQ(seat->epoch(), back[i].previous().epoch());
  }
}

TEST(RosterTest, ASeatThatNobodyGaveOutIsNeitherKeptNorFollowed) {
  Roster roster(SmallRoster());
  JoinAs(&roster, 1);
  Seat forged = JoinAs(&roster, 2);
  forged.set_epoch(4294967295u);
  JoinRequest request = MakeJoin(kActor, 3);
  *request.mutable_previous() = forged;
  const auto seat = roster.Join(request, kHere, 0.0);
  ASSERT_OK(seat);
  EXPECT_EQ(seat->index(), 2u);
  EXPECT_EQ(seat->epoch(), 0u);
  for (Seat other : {forged, *seat, *seat}) {
    if (other.epoch() == 0) other.set_index(0);
    EXPECT_THAT(roster.Connect(kActor, other, 0.0),
                FailsWith(absl::StatusCode::kAborted, "was not given out by this run"));
  }
  EXPECT_THAT(roster.Connect(RUN_ROLE_EVALUATOR, *seat, 0.0),
              FailsWith(absl::StatusCode::kAborted, "was not given out by this run"));
}

TEST(RosterTest, TenThousandWhoOnlyJoinLeaveNothingBehind) {
  Roster roster(SmallRoster());
  for (uint32_t pid = 0; pid < 10'000; ++pid) {
    roster.Join(MakeJoin(kActor, pid), kHere, 0.0).status().IgnoreError();
  }
  EXPECT_TRUE(roster.Members(0.0).empty());
  // From another machine there is room at once, and soon from that one too.
  const auto elsewhere = roster.Join(MakeJoin(kActor, 1), "10.0.0.2", 0.0);
  ASSERT_OK(elsewhere);
  EXPECT_EQ(elsewhere->index(), uint32_t{kPendingPerPeerMax});
  EXPECT_THAT(roster.Join(MakeJoin(kActor, 1), kHere, kSilence_s - 0.1),
              FailsWith(absl::StatusCode::kUnavailable, "do not follow yet"));
  EXPECT_EQ(JoinAs(&roster, 1, kSilence_s).index(), 0u);
}

TEST(RosterTest, ASeatThatNobodyFollowedIsGivenAgainWithANewEpoch) {
  Roster roster(SmallRoster());
  const Seat first = JoinAs(&roster, 1);
  const Seat second = JoinAs(&roster, 2, kSilence_s);
  EXPECT_EQ(second.index(), first.index());
  EXPECT_EQ(second.epoch(), first.epoch() + 1);
}

TEST(RosterTest, TheEpochsOfTheNextLifeAreNeverGivenOut) {
  Roster roster(SmallRoster());
  double now_s = 0.0;
  uint32_t highest = 0;
  for (uint32_t i = 0; i < kEpochsPerLife + 5; ++i) {
    const Seat seat = JoinAs(&roster, i, now_s);
    highest = std::max(highest, seat.epoch());
    now_s += kSilence_s;
  }
  EXPECT_EQ(highest, kEpochsPerLife - 1);
}

TEST(RosterTest, WhoGoesOnWithNonsenseIsPutOutForAWhile) {
  Roster roster(SmallRoster());
  const Seat seat = JoinAs(&roster, 1);
  const auto stream = roster.Connect(kActor, seat, 0.0);
  ASSERT_OK(stream);
  for (size_t i = 0; i < kLimits.forgiven; ++i) {
    EXPECT_FALSE(roster.OnNonsense(kActor, seat, *stream, "it is NaN", 1.0));
  }
  EXPECT_TRUE(roster.OnNonsense(kActor, seat, *stream, "it is NaN", 2.0));
  EXPECT_FALSE(roster.IsConnected(kActor, seat, *stream));
  EXPECT_THAT(roster.Join(MakeJoin(kActor, 1), kHere, 3.0),
              FailsWith(absl::StatusCode::kUnavailable,
                        "put out for another 59 s: too many messages made no sense, the last: it"));
  EXPECT_OK(roster.Join(MakeJoin(kActor, 2), kHere, 3.0));
  EXPECT_OK(roster.Join(MakeJoin(kActor, 1), kHere, 2.0 + kLimits.out_s));
}

TEST(RosterTest, NonsenseNowAndThenIsForgiven) {
  Roster roster(SmallRoster());
  const Seat seat = JoinAs(&roster, 1);
  const auto stream = roster.Connect(kActor, seat, 0.0);
  ASSERT_OK(stream);
  for (int i = 0; i < 100; ++i) {
    const double at_s = i * kLimits.memory_s / static_cast<double>(kLimits.forgiven);
    EXPECT_FALSE(roster.OnNonsense(kActor, seat, *stream, "it is NaN", at_s));
  }
}

TEST(RosterTest, WhoWentLongAgoIsForgotten) {
  Roster roster(SmallRoster());
  const Seat seat = JoinAs(&roster, 1);
  const auto stream = roster.Connect(kActor, seat, 0.0);
  ASSERT_OK(stream);
  roster.Disconnect(kActor, seat, *stream);
  EXPECT_EQ(roster.Members(kForget_s - 1.0).size(), 1u);
  EXPECT_TRUE(roster.Members(kForget_s).empty());
  EXPECT_EQ(roster.joins(kActor, 0), 1u);
}

TEST(RosterTest, ASeatOfAnotherRunIsNotKept) {
  Roster roster(SmallRoster());
  JoinRequest request = MakeJoin(kActor, 1);
  request.mutable_previous()->set_run_id("another");
  request.mutable_previous()->set_index(5);
  const auto seat = roster.Join(request, kHere, 0.0);
  ASSERT_OK(seat);
  EXPECT_EQ(seat->index(), 0u);
  EXPECT_EQ(seat->run_id(), "run");
}

TEST(RosterTest, ASpareOneWaitsUntilASeatIsFree) {
  Roster roster(SmallRoster());
  const Seat seat = JoinAs(&roster, 1, 0.0, RUN_ROLE_EVALUATOR);
  const auto stream = roster.Connect(RUN_ROLE_EVALUATOR, seat, 0.0);
  ASSERT_OK(stream);
  EXPECT_THAT(roster.Join(MakeJoin(RUN_ROLE_EVALUATOR, 2), kHere, 1.0),
              FailsWith(absl::StatusCode::kUnavailable, "has its 1 evaluator already"));
  roster.Disconnect(RUN_ROLE_EVALUATOR, seat, *stream);
  EXPECT_OK(roster.Join(MakeJoin(RUN_ROLE_EVALUATOR, 2), kHere, 2.0));
}

TEST(RosterTest, LockstepHasExactlyItsActors) {
  Roster roster(SmallRoster(/*lockstep=*/true, /*actors=*/2));
  JoinAs(&roster, 1);
  JoinAs(&roster, 2);
  EXPECT_THAT(roster.Join(MakeJoin(kActor, 3), kHere, 0.0),
              FailsWith(absl::StatusCode::kUnavailable, "has its 2 actor already"));
}

TEST(RosterTest, AnotherBuildIsRefusedForGood) {
  Roster roster(SmallRoster());
  JoinRequest request = MakeJoin(kActor, 1);
  request.mutable_process()->set_build_id("other");
  EXPECT_THAT(roster.Join(request, kHere, 0.0),
              FailsWith(absl::StatusCode::kFailedPrecondition,
                        "the learner is pmoe build, this actor is other"));
  request.mutable_process()->clear_build_id();
  EXPECT_THAT(roster.Join(request, kHere, 0.0),
              FailsWith(absl::StatusCode::kFailedPrecondition, "of an unknown build"));
}

TEST(RosterTest, ARoleThatCannotJoinIsRefused) {
  Roster roster(SmallRoster());
  for (const int role : {0, 4, 99}) {
    EXPECT_THAT(roster.Join(MakeJoin(static_cast<RunRole>(role), 1), kHere, 0.0),
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

TEST(RosterTest, SaysFromWhichMachineAMemberCalls) {
  Roster roster(SmallRoster());
  JoinAs(&roster, 1);
  EXPECT_EQ(roster.machine(kActor, 0), kHere);
  EXPECT_EQ(roster.machine(kActor, 1), "");
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
