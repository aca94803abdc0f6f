// What an actor takes from a learner, and what it refuses.
#include "control/client/rpc_run_client.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/common/policy/sample_policy.h"
#include "tests/testing/hostile_messages.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;

LearnerMessage SnapshotMessage(const PolicySnapshot& snapshot, uint64_t epoch = 1) {
  const std::string bytes = snapshot.Encode();
  LearnerMessage message;
  message.set_learner_epoch(epoch);
  message.mutable_snapshot()->set_version(snapshot.version);
  message.mutable_snapshot()->set_total_bytes(bytes.size());
  message.mutable_snapshot()->set_data(bytes);
  return message;
}

PolicySnapshot Version(uint64_t version) {
  PolicySnapshot snapshot = SmallSnapshot();
  snapshot.version = version;
  return snapshot;
}

class RpcRunClientTest : public ::testing::Test {
 protected:
  RpcRunClientTest() {
    Seat seat;
    seat.set_run_id("run");
    seat.set_index(1);
    client_.SetSeat(seat);
    client_.SetReporter([this] { ++asked_to_report_; });
  }

  const std::atomic<bool> interrupted_{false};
  int asked_to_report_ = 0;
  RpcRunClient client_{&interrupted_, [] { return ActorRates(); }};
};

TEST_F(RpcRunClientTest, TheVersionNeverGoesBackwards) {
  ASSERT_OK(client_.OnMessage(SnapshotMessage(Version(8))));
  ASSERT_OK(client_.OnMessage(SnapshotMessage(Version(7))));
  EXPECT_EQ(client_.LatestSnapshot()->version, 8u);
  ASSERT_OK(client_.OnMessage(SnapshotMessage(Version(9))));
  EXPECT_EQ(client_.LatestSnapshot()->version, 9u);
}

TEST_F(RpcRunClientTest, WhoWaitsForOrdersIsToldThatNoneWillCome) {
  std::thread follower([this] { client_.OnOver(); });
  EXPECT_TRUE(absl::IsCancelled(client_.NextDirective().status()));
  EXPECT_TRUE(client_.Over() && client_.HasDirective());
  EXPECT_FALSE(client_.finished());
  follower.join();
}

TEST_F(RpcRunClientTest, ALearnersMessageAtItsExtremesIsTakenOrRefused) {
  LearnerMessage honest = SnapshotMessage(Version(8));
  DirectiveMessage* const directive = honest.mutable_directive();
  directive->set_steps_per_env(5);
  directive->set_restore("part");
  directive->mutable_table()->mutable_columns()->set_obs_dim(1);
  ForEachHostile(honest, {.bytes = 1 << 16, .elements = 10},
                 [&](const std::string& what, const LearnerMessage& message) {
                   RpcRunClient client(&interrupted_, [] { return ActorRates(); });
                   client.SetReporter([] {});
                   if (!client.OnMessage(message).ok() || !client.HasDirective()) return;
                   const auto order = client.NextDirective();
                   EXPECT_TRUE(!order.ok() || order->steps_per_env <= 1'000'000) << what;
                   const auto table = client.table();
                   EXPECT_TRUE(!table.has_value() || table->columns().obs_dim() <= 1 << 20) << what;
                 });
}

TEST_F(RpcRunClientTest, AnotherArchitectureIsRefused) {
  ASSERT_OK(client_.OnMessage(SnapshotMessage(Version(8))));
  PolicyOptions options = BoxOptions(1, 1, 0.4);
  options.primitives = 3;
  options.hidden = {2};
  options.head = HeadType::kMixture;
  PolicySnapshot other;
  other.spec = MakePolicySpec(options);
  other.version = 9;
  other.weights.resize(ParameterLayout(other.spec.layers, 1, 1).total());
  EXPECT_THAT(client_.OnMessage(SnapshotMessage(other)),
              FailsWith(kRefused, "snapshot 9 has another policy architecture than 8"));
  EXPECT_EQ(client_.LatestSnapshot()->version, 8u);
}

TEST_F(RpcRunClientTest, ADamagedSnapshotChangesNothing) {
  ASSERT_OK(client_.OnMessage(SnapshotMessage(Version(8))));
  LearnerMessage damaged = SnapshotMessage(Version(9));
  (*damaged.mutable_snapshot()->mutable_data())[200] ^= 1;
  EXPECT_FALSE(client_.OnMessage(damaged).ok());
  EXPECT_EQ(client_.LatestSnapshot()->version, 8u);
}

TEST_F(RpcRunClientTest, ALearnerThatWasReplacedIsNotFollowed) {
  ASSERT_OK(client_.OnMessage(SnapshotMessage(Version(8), /*epoch=*/3)));
  EXPECT_THAT(client_.OnMessage(SnapshotMessage(Version(9), /*epoch=*/2)),
              FailsWith(kRefused, "learner epoch 2 was replaced by 3"));
}

TEST_F(RpcRunClientTest, TheNewestDirectiveIsTakenOnce) {
  LearnerMessage message;
  message.mutable_directive()->set_round(4);
  ASSERT_OK(client_.OnMessage(message));
  message.mutable_directive()->set_round(5);
  message.mutable_directive()->mutable_table()->set_address("unix:/tmp/r");
  ASSERT_OK(client_.OnMessage(message));
  ASSERT_TRUE(client_.HasDirective());
  const auto directive = client_.NextDirective();
  ASSERT_OK(directive);
  EXPECT_EQ(directive->round, 5u);
  EXPECT_FALSE(client_.HasDirective());
  EXPECT_EQ(client_.table()->address(), "unix:/tmp/r");
}

TEST_F(RpcRunClientTest, ItsOwnPartOfTheCheckpointIsUnderItsIndex) {
  LearnerMessage message;
  message.mutable_directive()->set_restore("part");
  ASSERT_OK(client_.OnMessage(message));
  const auto directive = client_.NextDirective();
  ASSERT_OK(directive);
  ASSERT_EQ(directive->restore->size(), 2u);
  EXPECT_EQ((*directive->restore)[1], "part");
}

TEST_F(RpcRunClientTest, AFinishedRunEndsTheMembershipInOrder) {
  LearnerMessage message;
  message.mutable_directive()->set_state(DirectiveMessage::FINISHED);
  EXPECT_THAT(client_.OnMessage(message),
              FailsWith(absl::StatusCode::kCancelled, "the run is finished"));
  EXPECT_TRUE(client_.finished());
  EXPECT_TRUE(client_.Over());
}

TEST_F(RpcRunClientTest, AnotherSeatEndsTheLifeUnderTheOldOne) {
  JoinReply same;
  same.mutable_seat()->set_run_id("run");
  same.mutable_seat()->set_index(1);
  client_.OnRejoin(same);
  EXPECT_FALSE(client_.seat_changed());
  JoinReply other = same;
  other.mutable_seat()->set_epoch(1);
  client_.OnRejoin(other);
  EXPECT_TRUE(client_.seat_changed());
  EXPECT_THAT(client_.NextDirective(), FailsWith(absl::StatusCode::kCancelled, ""));
}

TEST_F(RpcRunClientTest, ReportsWaitForTheNextMessageAndGoOnce) {
  ActorReport report;
  report.round = 4;
  ASSERT_OK(client_.Report(report));
  EXPECT_EQ(asked_to_report_, 1);
  FollowerMessage first, second;
  client_.FillReport(&first);
  client_.FillReport(&second);
  ASSERT_EQ(first.reports_size(), 1);
  EXPECT_EQ(first.reports(0).round(), 4u);
  EXPECT_EQ(second.reports_size(), 0);
}

}  // namespace
}  // namespace pmoe
