// A client with an actor's certificate, or with none, against the processes of `pmoe up --tcp`: it
// says everything that a member can say, at its extremes. The true members go on, nobody is started
// anew, and the learner keeps no memory of it.
#include <filesystem>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"
#include "common/base/build_info.h"
#include "common/rpc/channel.h"
#include "common/rpc/rpc_status.h"
#include "control/wire/env_folder.h"
#include "control/wire/seat_signature.h"
#include "proto/replay.grpc.pb.h"
#include "proto/run.grpc.pb.h"
#include "tests/cluster/cluster_testing.h"
#include "tests/testing/hostile_messages.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr HostileLimits kLimits = {.bytes = 1 << 18, .elements = 3000};
constexpr int64_t kGrowthMax_kB = 300'000;  // of the learner's and the shard's resident memory
constexpr std::chrono::milliseconds kCall(5000);

int64_t Resident_kB(pid_t pid) {
  const absl::StatusOr<std::string> text = ReadFile(absl::StrCat("/proc/", pid, "/status"));
  const size_t at = text.ok() ? text->find("VmRSS:") : std::string::npos;
  return at == std::string::npos ? 0 : std::stoll(text->substr(at + 6));
}

// Streams of a kind, held open.
template <typename Out, typename In>
struct OpenStream {
  std::unique_ptr<grpc::ClientContext> context = std::make_unique<grpc::ClientContext>();
  std::unique_ptr<grpc::ClientReaderWriter<Out, In>> stream;
  absl::Status End() {
    context->TryCancel();
    return FromGrpc(stream->Finish());
  }
};

class HostilePeerTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { PrepareGrpc(); }
  void SetUp() override {
    ASSERT_TRUE(Eventually([&] { return cluster_.EnvSteps() > 200; }));
    const std::string folder(absl::StripPrefix(
        absl::StripAsciiWhitespace(*ReadFile(cluster_.directory() + "/up.security")), "tls "));
    auto security = RpcSecurity::FromFolder(fs::path(folder).parent_path() / "actor");
    ASSERT_OK(security);
    security_ = *std::move(security);
    Connect();
    env_ = **KeptEnv(cluster_.directory());
    learner_kB_ = Resident_kB(cluster_.Find("learner").pid);
    replay_kB_ = Resident_kB(cluster_.Find("replay 0").pid);
  }
  // Other connections: each has its share of streams.
  void Connect() {
    run_ = RunService::NewStub(Channel(LearnerAddress(), PeerRole::kLearner));
    replay_ = ReplayService::NewStub(Channel(ShardAddress(), PeerRole::kReplay));
  }
  std::string LearnerAddress() const {
    return std::string(
        absl::StripAsciiWhitespace(*ReadFile(cluster_.directory() + "/learner.address")));
  }
  std::string ShardAddress() const {
    const nlohmann::json status = cluster_.Status();
    for (const auto& member : status["members"]) {
      if (member["role"] == "RUN_ROLE_REPLAY") return member["process"]["listen_address"];
    }
    return "";
  }
  static std::string Metrics(const std::string& address) {
    return RunProcess({"/usr/bin/python3", "-c",
                       "import sys, urllib.request; "
                       "print(urllib.request.urlopen(sys.argv[1]).read().decode())",
                       "http://" + address + "/metrics"})
        .output;
  }
  std::shared_ptr<grpc::Channel> Channel(const std::string& address, PeerRole server) const {
    return MakeChannel(*security_.ParseAddress(address, "the test's"), server, security_);
  }

  JoinRequest HonestJoin() {
    JoinRequest request;
    request.set_role(RUN_ROLE_ACTOR);
    request.mutable_process()->set_host("hostile");
    request.mutable_process()->set_pid(++pid_);
    request.mutable_process()->set_build_id(BuildId());
    return request;
  }
  absl::StatusOr<Seat> Join(const JoinRequest& request) {
    grpc::ClientContext context;
    SetDeadline(&context, kCall);
    JoinReply reply;
    const absl::Status status = FromGrpc(run_->Join(&context, request, &reply));
    if (!status.ok()) return status;
    return reply.seat();
  }
  FollowerMessage HonestFirst(const Seat& seat) const {
    FollowerMessage first;
    first.set_role(RUN_ROLE_ACTOR);
    *first.mutable_seat() = seat;
    *first.mutable_env() = env_;
    return first;
  }
  OpenStream<FollowerMessage, LearnerMessage> Follow() {
    OpenStream<FollowerMessage, LearnerMessage> open;
    SetDeadline(open.context.get(), std::chrono::milliseconds(60'000));
    open.stream = run_->Follow(open.context.get());
    return open;
  }
  // A stream with a seat of its own.
  OpenStream<FollowerMessage, LearnerMessage> FollowAsMember() {
    absl::StatusOr<Seat> seat;
    EXPECT_TRUE(Eventually([&] {
      seat = Join(HonestJoin());
      return seat.ok();
    })) << seat.status();
    auto open = Follow();
    open.stream->Write(HonestFirst(*seat));
    return open;
  }
  OpenStream<InsertRequest, InsertReply> Insert() {
    OpenStream<InsertRequest, InsertReply> open;
    SetDeadline(open.context.get(), std::chrono::milliseconds(60'000));
    open.stream = replay_->Insert(open.context.get());
    return open;
  }
  absl::Status SayHello(const InsertHello& hello) {
    auto open = Insert();
    InsertRequest request;
    *request.mutable_hello() = hello;
    open.stream->Write(request);
    open.stream->WritesDone();
    InsertReply reply;
    while (open.stream->Read(&reply)) continue;
    return FromGrpc(open.stream->Finish());
  }

  void ExpectThatTheRunGoesOn() {
    const int64_t steps = cluster_.EnvSteps();
    EXPECT_TRUE(Eventually([&] { return cluster_.EnvSteps() > steps + 100; }));
    for (const Cluster::Member& member : cluster_.Members()) {
      EXPECT_EQ(member.restarts, 0) << member.name;
    }
    EXPECT_LT(Resident_kB(cluster_.Find("learner").pid) - learner_kB_, kGrowthMax_kB);
    EXPECT_LT(Resident_kB(cluster_.Find("replay 0").pid) - replay_kB_, kGrowthMax_kB);
    const std::string csv = *ReadFile(cluster_.directory() + "/metrics.csv");
    for (const char* const cell : {",inf", ",-inf", ",nan", ",-nan"}) {
      EXPECT_EQ(csv.find(cell), std::string::npos) << cell;
    }
    EXPECT_LT(cluster_.Status().dump().size(), 1'000'000u);
  }

  TempDir dir_;
  Cluster cluster_{dir_.File("run"),
                   SmallFlags("InvertedPendulum-v5",
                              {"--steps", "100000000", "--tcp", "--out", dir_.File("run")})};
  RpcSecurity security_ = RpcSecurity::InsecureLoopback();
  std::unique_ptr<RunService::Stub> run_;
  std::unique_ptr<ReplayService::Stub> replay_;
  EnvSpecMessage env_;
  uint32_t pid_ = 1'000'000;
  int64_t learner_kB_ = 0;
  int64_t replay_kB_ = 0;
};

TEST_F(HostilePeerTest, WhatAMemberSaysAtItsExtremesHarmsNobody) {
  const auto own = Join(HonestJoin());
  ASSERT_OK(own);
  JoinRequest join = HonestJoin();
  *join.mutable_previous() = *own;
  ForEachHostile(join, kLimits, [&](const std::string&, const JoinRequest& request) {
    Join(request).status().IgnoreError();
  });
  ForEachHostile(HonestFirst(*own), {.bytes = 1 << 16, .elements = 300},
                 [&](const std::string&, const FollowerMessage& first) {
                   auto open = Follow();
                   open.stream->Write(first);
                   LearnerMessage answer;
                   open.stream->Read(&answer);  // orders, or the end
                   open.End().IgnoreError();
                 });
  FollowerMessage report;
  report.add_reports()->set_env_steps(10);
  report.mutable_reports(0)->add_episodes()->set_length(1);
  auto member = FollowAsMember();
  ForEachHostile(report, kLimits, [&](const std::string&, const FollowerMessage& message) {
    if (member.stream->Write(message)) return;
    member.End().IgnoreError();
    member = FollowAsMember();
  });
  member.stream->WritesDone();
  LearnerMessage answer;
  while (member.stream->Read(&answer)) continue;
  member.End().IgnoreError();
  InsertRequest hello;
  hello.mutable_hello()->set_run_id(own->run_id());
  hello.mutable_hello()->set_seat_signature(own->signature());
  ForEachHostile(hello, {.bytes = 1 << 16, .elements = 2},
                 [&](const std::string&, const InsertRequest& request) {
                   SayHello(request.hello()).IgnoreError();
                 });
  ExpectThatTheRunGoesOn();
  const std::string learner = Metrics(cluster_.Status()["process"]["metrics_address"]);
  for (const char* refused :
       {"door=\"join\",reason=\"too_long\"", "door=\"join\",reason=\"control_character\"",
        "door=\"follow\",reason=\"environment\"", "door=\"follow\",reason=\"version\"",
        "door=\"follow\",reason=\"number\"", "door=\"follow\",reason=\"seat\""}) {
    EXPECT_THAT(learner, HasSubstr(refused));
  }
}

TEST_F(HostilePeerTest, StreamsThatSayNothingHarmNobody) {
  std::vector<OpenStream<FollowerMessage, LearnerMessage>> follows;
  std::vector<OpenStream<InsertRequest, InsertReply>> inserts;
  for (int i = 0; i < 400; ++i) {
    if (i % 50 == 0) Connect();
    follows.push_back(Follow());
    inserts.push_back(Insert());
  }
  ExpectThatTheRunGoesOn();
  for (auto& open : follows) open.End().IgnoreError();
  for (auto& open : inserts) open.End().IgnoreError();
}

TEST_F(HostilePeerTest, ASeatOfAnotherIsOfNoUseAndATrueActorThatIsFencedComesBack) {
  const std::string run_id(absl::StripAsciiWhitespace(*ReadFile(cluster_.directory() + "/run.id")));
  InsertHello hello;
  hello.set_run_id(run_id);
  for (const uint32_t epoch : {0u, 1u, 4294967295u}) {
    hello.set_epoch(epoch);
    EXPECT_THAT(SayHello(hello), FailsWith(absl::StatusCode::kAborted, "never gave out the seat"));
    hello.set_seat_signature(std::string(32, 's'));
  }
  ExpectThatTheRunGoesOn();
  // Whoever reads the run's key can do that; the true actor takes the next seat.
  const auto key = SeatKey::OfFile(cluster_.directory() + "/seat.key");
  ASSERT_OK(key);
  Seat seat;
  seat.set_run_id(run_id);
  seat.set_epoch(1);
  SignSeat(*key, RUN_ROLE_ACTOR, &seat);
  hello.set_epoch(1);
  hello.set_seat_signature(seat.signature());
  EXPECT_OK(SayHello(hello));
  const std::string log = cluster_.directory() + "/logs/actor-0.log";
  EXPECT_TRUE(Eventually([&] {
    const auto said = ReadFile(log);
    return said.ok() && said->find("takes another seat") != std::string::npos;
  }));
  ExpectThatTheRunGoesOn();
}

TEST_F(HostilePeerTest, WithoutACertificateNobodyIsHeard) {
  const auto plain = RpcSecurity::InsecureLoopback();
  const auto stub = RunService::NewStub(
      MakeChannel(*plain.ParseAddress(LearnerAddress(), "the test's"), PeerRole::kLearner, plain));
  ForEachHostile(HonestJoin(), {.bytes = 100, .elements = 2},
                 [&](const std::string& what, const JoinRequest& request) {
                   grpc::ClientContext context;
                   SetDeadline(&context, std::chrono::milliseconds(1000));
                   JoinReply reply;
                   EXPECT_FALSE(stub->Join(&context, request, &reply).ok()) << what;
                 });
  ExpectThatTheRunGoesOn();
}

}  // namespace
}  // namespace pmoe
