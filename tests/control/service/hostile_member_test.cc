// What a member can say is said at its extremes, field by field: the run goes on, believes no
// nonsense, and keeps no memory of it.
#include <cmath>
#include <limits>
#include <memory>
#include <thread>

#include "common/base/process_usage.h"
#include "common/metrics/rejections.h"
#include "common/rpc/channel.h"
#include "common/rpc/rpc_status.h"
#include "common/rpc/server.h"
#include "control/service/run_service.h"
#include "gmock/gmock.h"
#include "tests/control/service/service_testing.h"
#include "tests/testing/eventually.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/hostile_messages.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

constexpr HostileLimits kLimits = {.bytes = 1 << 18, .elements = 3000};
constexpr uint64_t kPublished = 12;
// Bytes, whatever was sent. The sanitizers keep what was freed, and shadows of it.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int64_t kGrowthMax = 1 << 30;
#else
constexpr int64_t kGrowthMax = 64 << 20;
#endif

int64_t Count(const std::string& door, const std::string& reason) {
  const auto counts = Rejections::OfProcess().Counts();
  const auto at = counts.find({door, reason});
  return at == counts.end() ? 0 : at->second;
}

RunHubOptions Options(bool lockstep = false) {
  RunHubOptions options;
  options.roster = SmallRoster(lockstep, 1);
  options.config.mutable_env()->set_id("Task-v0");
  options.kept_env = MakeEnv();
  return options;
}

// A report as an actor sends it, with everything that it can hold.
FollowerMessage HonestReport() {
  FollowerMessage message;
  message.set_policy_version(kPublished);
  ActorReportMessage* const report = message.add_reports();
  report->set_env_steps(100);
  report->set_env_s(0.5);
  report->set_acting_version(kPublished);
  EpisodeMessage* const episode = report->add_episodes();
  episode->set_episode_return(-3.5);
  episode->set_length(50);
  message.mutable_rates()->set_env_steps_per_s(100.0);
  message.mutable_rates()->mutable_time()->set_env(0.75);
  message.mutable_rates()->mutable_insert_ack()->set_p50_s(0.001);
  message.mutable_usage()->set_cpu_cores(1.0);
  message.mutable_usage()->set_cpu_s(17.0);
  message.mutable_usage()->set_cores(4);
  return message;
}

FollowerMessage HonestEvaluation() {
  FollowerMessage message;
  message.set_policy_version(kPublished);
  message.mutable_evaluation()->set_version(kPublished);
  message.mutable_evaluation()->add_returns(1.0);
  message.mutable_evaluation()->add_primitive_usage(1.0);
  return message;
}

FollowerMessage HonestTable() {
  FollowerMessage message;
  message.mutable_table()->set_has_table(true);
  message.mutable_table()->set_newest_version(static_cast<uint32_t>(kPublished));
  return message;
}

class HostileMemberTest : public ::testing::Test {
 protected:
  void SetUp() override {
    hub_.PublishSnapshot(MakeVersion(kPublished));
    honest_ = Enter(1, RUN_ROLE_ACTOR);
  }
  FollowerCursor Enter(uint32_t pid, RunRole role) {
    const auto joined = hub_.Join(MakeJoin(role, pid));
    EXPECT_OK(joined);
    auto cursor = hub_.Open(MakeFirst(role, joined->seat()));
    EXPECT_OK(cursor);
    return *std::move(cursor);
  }
  // Sends every hostile variant as a member of that role; put out, as another process.
  void SendAll(RunRole role, const FollowerMessage& honest) {
    uint32_t pid = 100;
    FollowerCursor cursor = Enter(pid, role);
    ForEachHostile(honest, kLimits, [&](const std::string& what, const FollowerMessage& message) {
      const auto taken = hub_.OnReport(cursor, message);
      CheckUnharmed(what);
      if (taken.ok()) return;
      hub_.Close(cursor, /*leaving=*/false);
      cursor = Enter(++pid, role);
    });
    hub_.Close(cursor, /*leaving=*/true);
  }
  void CheckUnharmed(const std::string& what) {
    ASSERT_LE(hub_.NewestVersionSeen(), kPublished) << what;
    ASSERT_OK(hub_.Failure()) << what;
    for (const ActorReport& report : hub_.TakeReports()) {
      EXPECT_LE(report.episodes.size(), report.env_steps) << what;
      EXPECT_TRUE(report.seconds.env >= 0.0 && std::isfinite(report.seconds.env)) << what;
      EXPECT_LE(report.acting_version, kPublished) << what;
      EXPECT_EQ(report.checkpoint_part, "") << what;
      for (const EpisodeResult& episode : report.episodes) {
        EXPECT_TRUE(std::isfinite(episode.episode_return)) << what;
        EXPECT_GE(episode.length, 1u) << what;
      }
    }
    const RunStatus status = hub_.Status();
    for (const MemberStatus& member : status.members()) CheckTimes(member, what);
    ASSERT_OK(hub_.OnReport(honest_, HonestReport())) << what;
  }
  // What pages, the verdict and the cost reckon with.
  static void CheckTimes(const MemberStatus& member, const std::string& what) {
    const ActorTime& time = member.rates().time();
    for (const double share :
         {time.env(), time.policy(), time.write(), time.blocked(), time.idle()}) {
      EXPECT_TRUE(share >= 0.0 && share <= 1.0) << what << ": " << share;
    }
    const LatencyMessage& ack = member.rates().insert_ack();
    for (const double seconds : {ack.p50_s(), ack.p90_s(), ack.p99_s(), ack.max_s()}) {
      EXPECT_TRUE(seconds >= 0.0 && seconds <= 1e9) << what << ": " << seconds;
    }
    EXPECT_LE(ack.name().size(), 255u) << what;
    EXPECT_TRUE(member.usage().cpu_s() >= 0.0 && std::isfinite(member.usage().cpu_s())) << what;
    EXPECT_LE(member.usage().cores(), 65536u) << what;
  }

  FakeClock clock_;
  RunHub hub_{[this] {
    RunHubOptions options = Options();
    options.clock = &clock_;
    return options;
  }()};
  FollowerCursor honest_;
};

TEST_F(HostileMemberTest, AnActorsReportsAtTheirExtremes) {
  const int64_t before = ProcessMeter().Look().memory_bytes;
  SendAll(RUN_ROLE_ACTOR, HonestReport());
  EXPECT_LT(ProcessMeter().Look().memory_bytes - before, kGrowthMax);
  EXPECT_GE(Count("follow", "version"), 1);
  EXPECT_GE(Count("follow", "number"), 10);
}

TEST_F(HostileMemberTest, AnEvaluatorsResultsAtTheirExtremes) {
  SendAll(RUN_ROLE_EVALUATOR, HonestEvaluation());
}

TEST_F(HostileMemberTest, AShardsCountsAtTheirExtremes) { SendAll(RUN_ROLE_REPLAY, HonestTable()); }

TEST_F(HostileMemberTest, AFirstMessageAtItsExtremesChangesNoTask) {
  uint32_t pid = 100;
  const auto seat = hub_.Join(MakeJoin(RUN_ROLE_ACTOR, pid));
  ASSERT_OK(seat);
  FollowerMessage honest = MakeFirst(RUN_ROLE_ACTOR, seat->seat());
  EnvFileInfo* const file = honest.mutable_env()->add_files();
  file->set_name("robot.xml");
  file->set_sha256(std::string(64, '0'));
  ForEachHostile(honest, kLimits, [&](const std::string& what, const FollowerMessage& message) {
    auto cursor = hub_.Open(message);
    if (cursor.ok()) hub_.Close(*cursor, /*leaving=*/false);
    ASSERT_TRUE(hub_.env().has_value()) << what;
    EXPECT_EQ(hub_.env()->obs_dim(), 1) << what;
    CheckUnharmed(what);
  });
}

// The learner's next version was 0 after it, and actors kept old weights for ever.
TEST_F(HostileMemberTest, AVersionThatWasNeverPublishedIsRefused) {
  FollowerCursor hostile = Enter(100, RUN_ROLE_ACTOR);
  for (const uint64_t version : {UINT64_MAX, uint64_t{UINT32_MAX}, kPublished + 1}) {
    FollowerMessage message;
    message.set_policy_version(version);
    const auto taken = hub_.OnReport(hostile, message);
    ASSERT_OK(taken);
    EXPECT_FALSE(*taken);
  }
  EXPECT_EQ(hub_.NewestVersionSeen(), 0u);
  const auto joined = hub_.Join(MakeJoin(RUN_ROLE_ACTOR, 101));
  FollowerMessage first = MakeFirst(RUN_ROLE_ACTOR, joined->seat());
  first.set_policy_version(UINT64_MAX);
  EXPECT_THAT(hub_.Open(first),
              FailsWith(absl::StatusCode::kOutOfRange, "was never published, the newest is 12"));
}

TEST(HostileMembersTest, AVersionOfAnEarlierLifeIsBelievedUpToItsMark) {
  RunHubOptions options = Options();
  options.versions_before = 500;
  RunHub hub(options);
  hub.PublishSnapshot(MakeVersion(kPublished));
  const auto joined = hub.Join(MakeJoin(RUN_ROLE_ACTOR, 1));
  FollowerMessage first = MakeFirst(RUN_ROLE_ACTOR, joined->seat());
  first.set_policy_version(501);
  EXPECT_THAT(hub.Open(first), FailsWith(absl::StatusCode::kOutOfRange, "501"));
  first.set_policy_version(500);
  const auto cursor = hub.Open(first);
  ASSERT_OK(cursor);
  ASSERT_OK(hub.OnReport(*cursor, first));
  EXPECT_EQ(hub.NewestVersionSeen(), 500u);
}

TEST(HostileMembersTest, TheFirstMemberOfARunByHandCannotMakeItAnotherTask) {
  RunHubOptions options = Options();
  options.kept_env.reset();
  RunHub hub(options);
  const auto joined = hub.Join(MakeJoin(RUN_ROLE_ACTOR, 1));
  FollowerMessage first = MakeFirst(RUN_ROLE_ACTOR, joined->seat());
  constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;
  first.mutable_env()->set_id("Other-v0");
  EXPECT_THAT(hub.Open(first), FailsWith(kRefused, "task is Task-v0, this member steps Other-v0"));
  *first.mutable_env() = MakeEnv();
  first.mutable_env()->set_obs_dim(65'537);
  EXPECT_THAT(hub.Open(first), FailsWith(kRefused, "65537 observations"));
  *first.mutable_env() = MakeEnv();
  first.mutable_env()->set_action_low(0, -std::numeric_limits<double>::infinity());
  EXPECT_THAT(hub.Open(first), IsInvalid("bounds must be finite"));
  EXPECT_FALSE(hub.env().has_value());
  *first.mutable_env() = MakeEnv();
  EXPECT_OK(hub.Open(first));
}

TEST(HostileMembersTest, InLockstepAReportWithoutSenseEndsTheRunAtOnceAndSaysWhy) {
  RunHub hub(Options(/*lockstep=*/true));
  const auto joined = hub.Join(MakeJoin(RUN_ROLE_ACTOR, 7));
  const auto cursor = hub.Open(MakeFirst(RUN_ROLE_ACTOR, joined->seat()));
  ASSERT_OK(cursor);
  Directive directive;
  directive.round = 1;
  directive.steps_per_env = 10;
  directive.snapshot = MakeVersion(1);
  hub.Publish(directive);
  FollowerMessage report;
  report.add_reports()->set_round(2);
  EXPECT_THAT(hub.OnReport(*cursor, report),
              FailsWith(absl::StatusCode::kUnavailable, "put out: a report of round 2"));
  EXPECT_THAT(hub.WaitReports(std::chrono::seconds(0)),
              FailsWith(absl::StatusCode::kAborted, "actor 0 (pid 7 on here) was put out"));
}

// The same, through the doors of a real server.
class HostileCallerTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { PrepareGrpc(); }
  void SetUp() override {
    RpcAddress address;
    address.is_unix = true;
    address.path = folder_.File("l");
    auto server = RpcServer::Start(address, {&service_}, {});
    ASSERT_OK(server);
    server_ = *std::move(server);
    Connect();
  }
  // Another connection: each has its share of streams.
  void Connect() {
    const auto channel = MakeChannel(server_->address(), PeerRole::kLearner, {});
    stub_ = RunService::NewStub(channel);
  }
  absl::StatusOr<JoinReply> Join(const JoinRequest& request) {
    grpc::ClientContext context;
    SetDeadline(&context, std::chrono::milliseconds(5000));
    JoinReply reply;
    const absl::Status status = FromGrpc(stub_->Join(&context, request, &reply));
    if (!status.ok()) return status;
    return reply;
  }
  struct OpenStream {
    std::unique_ptr<grpc::ClientContext> context = std::make_unique<grpc::ClientContext>();
    std::unique_ptr<grpc::ClientReaderWriter<FollowerMessage, LearnerMessage>> stream;
  };
  OpenStream Follow() {
    OpenStream open;
    SetDeadline(open.context.get(), std::chrono::milliseconds(30'000));
    open.stream = stub_->Follow(open.context.get());
    return open;
  }

  TempDir folder_;
  RunHub hub_{Options()};
  EvaluationBacklog backlog_{EvaluationBacklog::Keep::kNewest};
  RunServiceImpl service_{&hub_, &backlog_};
  std::unique_ptr<RpcServer> server_;  // goes before the service
  std::unique_ptr<RunService::Stub> stub_;
};

TEST_F(HostileCallerTest, AJoinAtItsExtremesIsRefusedOrHarmless) {
  JoinRequest honest = MakeJoin(RUN_ROLE_ACTOR, 1);
  const auto seat = Join(honest);
  ASSERT_OK(seat);
  *honest.mutable_previous() = seat->seat();
  ForEachHostile(honest, kLimits, [&](const std::string& what, const JoinRequest& request) {
    const auto reply = Join(request);
    if (!reply.ok()) return;
    EXPECT_LT(reply->seat().index(), 1024u) << what;
    EXPECT_LT(reply->seat().epoch(), 65536u) << what;
    EXPECT_TRUE(hub_.IsSigned(request.role(), reply->seat())) << what;
  });
  EXPECT_LT(hub_.Status().ByteSizeLong(), 100'000u);
  honest.mutable_process()->set_host(std::string(60 << 20, 'h'));
  EXPECT_THAT(Join(honest), IsInvalid("process.host has 62914560 bytes"));
  honest.mutable_process()->set_host("a\x1b[2J");
  EXPECT_THAT(Join(honest), IsInvalid("control character at byte 1: \"a\\x1b[2J\""));
}

TEST_F(HostileCallerTest, StreamsThatSayNothingGiveWayToOneThatDoes) {
  std::vector<OpenStream> silent;
  for (size_t i = 0; i < FirstMessageOptions().waiting_max + 50; ++i) {
    if (i % 50 == 0) Connect();
    silent.push_back(Follow());
  }
  Connect();
  const auto joined = Join(MakeJoin(RUN_ROLE_ACTOR, 1));
  ASSERT_OK(joined);
  OpenStream honest = Follow();
  ASSERT_TRUE(honest.stream->Write(MakeFirst(RUN_ROLE_ACTOR, joined->seat())));
  EXPECT_TRUE(Eventually([&] {
    const RunStatus status = hub_.Status();
    return status.members_size() == 1 && status.members(0).connected();
  }));
  EXPECT_GE(Count("follow", "silent") + Count("follow", "too_many"), 1);
  for (OpenStream& open : silent) open.context->TryCancel();
  for (OpenStream& open : silent) open.stream->Finish().error_code();
  honest.context->TryCancel();
  honest.stream->Finish().error_code();
}

TEST_F(HostileCallerTest, AForgedSeatIsToldToJoin) {
  Seat seat;
  seat.set_run_id("run");
  seat.set_epoch(4294967295u);
  OpenStream open = Follow();
  open.stream->Write(MakeFirst(RUN_ROLE_ACTOR, seat));
  open.stream->WritesDone();
  EXPECT_THAT(FromGrpc(open.stream->Finish()),
              FailsWith(absl::StatusCode::kAborted, "was not given out by this run"));
  EXPECT_GE(Count("follow", "seat"), 1);
}

}  // namespace
}  // namespace pmoe
