// The control plane over a real socket: RunServiceImpl on one side, RunFollower on the other.
#include "control/service/follower_session.h"

#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <memory>

#include "common/base/clock.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "control/client/run_follower.h"
#include "control/service/run_service.h"
#include "control/wire/snapshot_assembler.h"
#include "tests/control/service/service_testing.h"
#include "tests/testing/eventually.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kLimit(20);

// One life of a learner's control plane.
class Learner {
 public:
  explicit Learner(const RpcAddress& address, uint64_t epoch = 1, bool lockstep = false)
      : hub_(Options(epoch, lockstep)) {
    auto server = RpcServer::Start(address, {&service_}, {});
    EXPECT_OK(server);
    server_ = *std::move(server);
  }
  RunHub& hub() { return hub_; }
  EvaluationBacklog& backlog() { return backlog_; }

 private:
  static RunHubOptions Options(uint64_t epoch, bool lockstep) {
    RunHubOptions options;
    options.roster = SmallRoster(lockstep, 1);
    options.learner_epoch = epoch;
    options.config.mutable_env()->set_id("Task-v0");
    return options;
  }

  RunHub hub_;
  EvaluationBacklog backlog_{EvaluationBacklog::Keep::kNewest};
  RunServiceImpl service_{&hub_, &backlog_};
  std::unique_ptr<RpcServer> server_;  // goes before the service
};

// Notes what comes and answers what it is told to.
class Notes : public FollowerHandler {
 public:
  void OnRejoin(const JoinReply& reply) override {
    MutexLock lock(&mu_);
    rejoined_epoch_ = reply.learner_epoch();
    changed_.NotifyAll();
  }
  void FillFirst(FollowerMessage* message) override { *message->mutable_env() = MakeEnv(); }
  void FillReport(FollowerMessage* message) override {
    MutexLock lock(&mu_);
    if (latest_ != nullptr) message->set_policy_version(latest_->version);
    if (answer_.has_value()) *message->mutable_evaluation() = *std::exchange(answer_, std::nullopt);
  }
  absl::Status OnMessage(LearnerMessage message) override {
    MutexLock lock(&mu_);
    changed_.NotifyAll();
    if (message.has_snapshot()) {
      auto snapshot = assembler_.Add(message.snapshot());
      if (!snapshot.ok()) return snapshot.status();
      if (*snapshot != nullptr) latest_ = *std::move(snapshot);
    }
    if (message.has_evaluate()) {
      answer_.emplace();
      answer_->set_version(message.evaluate().version());
      answer_->set_env_steps(message.evaluate().env_steps());
      answer_->set_return_mean(return_mean_);
    }
    if (!message.has_directive()) return absl::OkStatus();
    round_ = message.directive().round();
    return message.directive().state() == DirectiveMessage::FINISHED
               ? absl::CancelledError("finished")
               : absl::OkStatus();
  }

  void OnOver() override {
    MutexLock lock(&mu_);
    over_ = true;
    changed_.NotifyAll();
  }

  template <typename Condition>
  bool Await(const Condition& condition) {
    const auto deadline = Clock::Real()->Now() + kLimit;
    MutexLock lock(&mu_);
    while (!condition(*this)) {
      if (!changed_.WaitBriefly(&mu_, deadline)) return false;
    }
    return true;
  }

  std::atomic<double> return_mean_{2.5};
  uint64_t rejoined_epoch_ = 0;
  uint64_t round_ = 0;
  bool over_ = false;
  std::shared_ptr<const PolicySnapshot> latest_;

 private:
  Mutex mu_;
  CondVar changed_;
  SnapshotAssembler assembler_;
  std::optional<EvaluationMessage> answer_;
};

class FollowerSessionTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { PrepareGrpc(); }

  RunFollowerOptions Options(RunRole role = RUN_ROLE_ACTOR) const {
    RunFollowerOptions options;
    options.learner = address_;
    options.role = role;
    options.process = MakeJoin(role, 7).process();
    options.give_up = kLimit;
    return options;
  }
  static RpcAddress AddressIn(const TempDir& folder) {
    RpcAddress address;
    address.is_unix = true;
    address.path = folder.File("l.sock");
    return address;
  }

  TempDir folder_;
  const RpcAddress address_ = AddressIn(folder_);
  const std::atomic<bool> never_{false};
  Notes notes_;
};

Directive Round(uint64_t round) {
  Directive directive;
  directive.round = round;
  return directive;
}

TEST_F(FollowerSessionTest, AFollowerGetsTheSnapshotThenTheDirective) {
  Learner learner(address_);
  Directive directive = Round(4);
  directive.snapshot = MakeVersion(11);
  learner.hub().Publish(directive);
  RunFollower follower(Options(), &notes_);
  ASSERT_OK(follower.Join(never_));
  follower.Follow();
  ASSERT_TRUE(notes_.Await([](const Notes& n) { return n.round_ == 4; }));
  EXPECT_TRUE(notes_.Await([](const Notes& n) { return n.latest_ != nullptr; }));
  follower.ReportNow();
  EXPECT_TRUE(Eventually([&] { return learner.hub().NewestVersionSeen() == 11; }));
}

TEST_F(FollowerSessionTest, AFollowerFindsARestartedLearnerAndKeepsItsSeat) {
  auto learner = std::make_unique<Learner>(address_, 1);
  learner->hub().Publish(Round(1));
  RunFollower follower(Options(), &notes_);
  ASSERT_OK(follower.Join(never_));
  const Seat before = follower.seat();
  follower.Follow();
  ASSERT_TRUE(notes_.Await([](const Notes& n) { return n.round_ == 1; }));
  learner.reset();
  learner = std::make_unique<Learner>(address_, 2);
  learner->hub().Publish(Round(2));
  ASSERT_TRUE(notes_.Await([](const Notes& n) { return n.rejoined_epoch_ == 2; }));
  ASSERT_TRUE(notes_.Await([](const Notes& n) { return n.round_ == 2; }));
  EXPECT_EQ(follower.seat().index(), before.index());
  EXPECT_EQ(follower.seat().epoch(), before.epoch());
  EXPECT_GE(follower.reconnects(), 1u);
  EXPECT_OK(follower.status());
}

TEST_F(FollowerSessionTest, ARefusalIsFinal) {
  Learner learner(address_);
  RunFollowerOptions options = Options();
  options.process.set_build_id("other");
  RunFollower follower(options, &notes_);
  EXPECT_THAT(follower.Join(never_),
              FailsWith(absl::StatusCode::kFailedPrecondition, "all processes of a run"));
}

TEST_F(FollowerSessionTest, JoinEndsWhenInterrupted) {
  const std::atomic<bool> interrupted{true};
  RunFollower follower(Options(), &notes_);
  EXPECT_THAT(follower.Join(interrupted), FailsWith(absl::StatusCode::kCancelled, "interrupted"));
}

TEST_F(FollowerSessionTest, JoinGivesUpWithTheReason) {
  RunFollowerOptions options = Options();
  options.give_up = seconds(0);
  RunFollower follower(options, &notes_);
  EXPECT_THAT(follower.Join(never_), FailsWith(absl::StatusCode::kUnavailable,
                                               "no learner at " + address_.Text() + " for 0 s"));
}

TEST_F(FollowerSessionTest, LeavingIsToldApartFromALoss) {
  Learner learner(address_, 1, /*lockstep=*/true);
  learner.hub().Publish(Round(1));
  RunFollower follower(Options(), &notes_);
  ASSERT_OK(follower.Join(never_));
  follower.Follow();
  ASSERT_TRUE(notes_.Await([](const Notes& n) { return n.round_ == 1; }));
  follower.Leave();
  EXPECT_THAT(learner.hub().WaitReports(kLimit),
              FailsWith(absl::StatusCode::kAborted, "actor 0 (pid 7 on here) has left"));
}

TEST_F(FollowerSessionTest, AFinishedRunEndsTheMembershipInOrder) {
  Learner learner(address_);
  learner.hub().Publish(Round(1));
  RunFollower follower(Options(), &notes_);
  ASSERT_OK(follower.Join(never_));
  follower.Follow();
  ASSERT_TRUE(notes_.Await([](const Notes& n) { return n.round_ == 1; }));
  learner.hub().Finish(kLimit);
  EXPECT_TRUE(notes_.Await([](const Notes& n) { return n.over_; }));
  EXPECT_TRUE(absl::IsCancelled(follower.status()));
  EXPECT_FALSE(learner.hub().Status().members(0).connected());
}

TEST_F(FollowerSessionTest, WhoComesToAFinishedRunHasNothingToDo) {
  Learner learner(address_);
  learner.hub().Publish(Round(1));
  learner.hub().Finish(std::chrono::milliseconds(0));
  RunFollower follower(Options(), &notes_);
  EXPECT_THAT(follower.Join(never_), FailsWith(absl::StatusCode::kCancelled, "has finished"));
}

TEST_F(FollowerSessionTest, AnEvaluatorPlaysWhatWaitsAndItsResultArrives) {
  Learner learner(address_);
  ASSERT_OK(learner.backlog().Submit(MakeVersion(11)));
  RunFollower follower(Options(RUN_ROLE_EVALUATOR), &notes_);
  ASSERT_OK(follower.Join(never_));
  follower.Follow();
  const auto done = learner.backlog().Take(kLimit);
  ASSERT_OK(done);
  ASSERT_EQ(done->size(), 1u);
  EXPECT_EQ((*done)[0].snapshot->version, 11u);
  EXPECT_EQ((*done)[0].evaluation->return_mean, 2.5);
}

// Played again it would have the same result: the run must not wait for another one.
TEST_F(FollowerSessionTest, AnEvaluationThatMakesNoSenseHasHadItsTurn) {
  Learner learner(address_);
  notes_.return_mean_ = std::numeric_limits<double>::quiet_NaN();
  ASSERT_OK(learner.backlog().Submit(MakeVersion(11)));
  RunFollower follower(Options(RUN_ROLE_EVALUATOR), &notes_);
  ASSERT_OK(follower.Join(never_));
  follower.Follow();
  const auto refused = learner.backlog().Take(kLimit);
  ASSERT_OK(refused);
  ASSERT_EQ(refused->size(), 1u);
  EXPECT_FALSE((*refused)[0].evaluation.has_value());
  notes_.return_mean_ = 2.5;
  ASSERT_OK(learner.backlog().Submit(MakeVersion(12)));
  const auto done = learner.backlog().Take(kLimit);
  ASSERT_OK(done);
  EXPECT_EQ(done->at(0).evaluation->return_mean, 2.5);
}

}  // namespace
}  // namespace pmoe
