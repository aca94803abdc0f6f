// Rollouts from a real shard over unix sockets and TCP.
#include "replay/client/rpc_rollout_source.h"

#include <gtest/gtest.h>

#include <future>

#include "common/base/clock.h"
#include "grpc/grpc.h"
#include "replay/client/rpc_writer.h"
#include "replay/wire/table_request.h"
#include "tests/replay/client/cutting_proxy.h"
#include "tests/replay/core/rollout_testing.h"
#include "tests/replay/service/stream_testing.h"

namespace pmoe {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kMax{20'000};  // ends a test that would hang
constexpr milliseconds kShort{20};
constexpr auto kLate = absl::StatusCode::kDeadlineExceeded;
constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;

RpcReplayOptions Options(int64_t steps, uint64_t learner_epoch = 1) {
  RpcReplayOptions options = ServedOptions();
  options.learner = Learner(learner_epoch);
  *options.table.mutable_columns() = ColumnsOf(kRolloutSpec);
  options.table.set_capacity(1'000'000);
  options.table.mutable_on_policy()->set_rollout_steps(steps);
  options.table.mutable_on_policy()->set_max_lag(3);
  return options;
}

// Chunks [first, last) of `rows` rows of one actor; every 8th ends an episode.
void InsertChunks(ReplayService::Stub* stub, uint64_t first, uint64_t last, uint32_t rows,
                  uint32_t actor = 0) {
  TestWriter writer(stub, Hello(0, first, actor));
  writer.SayHello();
  for (uint64_t seq = first; seq < last; ++seq) {
    writer.SendAndWait(VersionChunk({.actor = actor,
                                     .seq = seq,
                                     .first_step = seq * rows,
                                     .rows = rows,
                                     .terminated = seq % 8 == 7},
                                    1));
  }
  EXPECT_OK(writer.Finish());
}

// Take until it is neither a rollout nor a deadline that has passed.
absl::StatusOr<Rollout*> TakeAtLast(RpcRolloutSource* source, const RolloutRequest& request) {
  const auto deadline = Clock::Real()->Now() + kMax;
  absl::StatusOr<Rollout*> rollout;
  do {
    rollout = source->Take(request, milliseconds(200));
  } while (absl::IsDeadlineExceeded(rollout.status()) && Clock::Real()->Now() < deadline);
  return rollout;
}

class RpcRolloutSourceTest : public ::testing::Test {
 protected:
  // gRPC would end with each test, and wait up to 10 s for the poller of its large writes.
  static void SetUpTestSuite() { grpc_init(); }

  void Serve(int64_t steps) {
    options_ = Options(steps);
    CreateTable(options_, served_.address());
    source_ = std::make_unique<RpcRolloutSource>(options_);
    source_->SetAddress(served_.address());
  }

  TempDir folder_;
  ServedShard served_{folder_.path()};
  std::unique_ptr<ReplayService::Stub> stub_ = served_.Connect();
  RpcReplayOptions options_;
  std::unique_ptr<RpcRolloutSource> source_;
};

TEST_F(RpcRolloutSourceTest, BringsEveryRowOnceInTheOrderOfTheStreams) {
  Serve(/*steps=*/100);
  InsertChunks(stub_.get(), 0, 5, 40, /*actor=*/0);
  InsertChunks(stub_.get(), 0, 5, 40, /*actor=*/1);
  for (uint64_t i = 0; i < 3; ++i) {
    const auto rollout = source_->Take({.steps = 100}, kMax);
    ASSERT_OK(rollout);
    EXPECT_EQ(SegmentNames(**rollout), "0.0+50C 1.0+50C");
    const std::vector<std::string> rows = RowNames(**rollout);
    EXPECT_EQ(rows.front(), absl::StrCat("0.0@", 50 * i));
    EXPECT_EQ(rows.back(), absl::StrCat("1.0@", 50 * i + 49));
  }
}

TEST_F(RpcRolloutSourceTest, BringsARolloutOfManyPiecesAndSegments) {
  constexpr int64_t kSteps = 60'000;  // of 24 bytes
  Serve(kSteps);
  InsertChunks(stub_.get(), 0, 1000, 64);
  const auto rollout = source_->Take({.steps = kSteps}, kMax);
  ASSERT_OK(rollout);
  EXPECT_EQ((*rollout)->rows(), kSteps);
  EXPECT_EQ((*rollout)->segments.size(), 118u);  // 117 episodes of 512 rows and a rest
  EXPECT_EQ((*rollout)->segments[116].end, SegmentEnd::kTerminated);
  RowNames(**rollout);
}

TEST_F(RpcRolloutSourceTest, WaitsForRowsAndSaysWhose) {
  Serve(/*steps=*/8);
  InsertChunks(stub_.get(), 0, 1, 6);
  EXPECT_THAT(source_->Take({.steps = 8}, kShort), FailsWith(kLate, "actor 0 env 0 has 6 of 8"));
  auto take = std::async(std::launch::async, [&] { return source_->Take({.steps = 8}, kMax); });
  ASSERT_TRUE(Await(served_.service(),
                    [](const ShardStats& counts) { return counts.samples_blocked.current > 0.0; }));
  InsertChunks(stub_.get(), 1, 2, 6);
  const auto rollout = take.get();
  ASSERT_OK(rollout);
  EXPECT_EQ((*rollout)->rows(), 8);
}

TEST_F(RpcRolloutSourceTest, ARequestThatCannotBeMetIsFinal) {
  Serve(/*steps=*/8);
  EXPECT_THAT(source_->Take({.steps = 9}, kMax), IsInvalid("rollout_steps = 8"));
}

TEST_F(RpcRolloutSourceTest, AShardThatDoesNotAnswerIsWaitedFor) {
  RpcRolloutSource source(Options(8));
  EXPECT_THAT(source.Take({.steps = 8}, kShort), FailsWith(kLate, "has not joined yet"));
  served_.Stop();
  source.SetAddress(served_.address());
  EXPECT_THAT(source.Take({.steps = 8}, kShort), FailsWith(kLate, "waiting for replay 0 at unix:"));
}

TEST_F(RpcRolloutSourceTest, ASupersededLearnerIsToldSo) {
  Serve(/*steps=*/8);
  CreateTable(Options(8, /*learner_epoch=*/2), served_.address());
  EXPECT_THAT(source_->Take({.steps = 8}, kMax), FailsWith(kRefused, "was superseded by epoch 2"));
}

TEST_F(RpcRolloutSourceTest, ANewLearnerEndsTheWaitOfTheOldOne) {
  Serve(/*steps=*/8);
  auto take = std::async(std::launch::async, [&] { return source_->Take({.steps = 8}, kMax); });
  ASSERT_TRUE(Await(served_.service(),
                    [](const ShardStats& counts) { return counts.samples_blocked.current > 0.0; }));
  CreateTable(Options(8, /*learner_epoch=*/2), served_.address());
  EXPECT_THAT(take.get(), FailsWith(kRefused, "was superseded by epoch 2"));
}

TEST_F(RpcRolloutSourceTest, ARolloutWhoseReplyWasLostComesAgain) {
  Serve(/*steps=*/8);
  InsertChunks(stub_.get(), 0, 2, 8);
  {  // the call that got it, and whose learner never saw the pieces
    grpc::ClientContext context;
    TakeRolloutRequest request;
    *request.mutable_learner() = Learner(1);
    request.set_steps(8);
    request.set_version_max(UINT32_MAX);
    request.set_rollout_id(1);
    TakeRolloutReply piece;
    const auto stream = stub_->TakeRollout(&context, request);
    ASSERT_TRUE(stream->Read(&piece));
    context.TryCancel();
  }
  for (const char* const first : {"0.0@0", "0.0@8"}) {
    const auto rollout = source_->Take({.steps = 8}, kMax);
    ASSERT_OK(rollout);
    EXPECT_EQ(RowNames(**rollout).front(), first);
  }
  EXPECT_EQ(served_.service()->Counts().sampled, 16);
}

TEST_F(RpcRolloutSourceTest, NoRowIsLostOverConnectionsThatBreak) {
  constexpr int64_t kSteps = 20'000;  // 480 kB
  Serve(kSteps);
  InsertChunks(stub_.get(), 0, 1000, 64);
  // Three of four connections break within a rollout.
  CuttingProxy proxy(folder_.File("p"), folder_.File("s"), /*seed=*/1, /*bytes_min=*/300'000);
  const auto address = ParseRpcAddress("unix:" + folder_.File("p"), "test");
  ASSERT_OK(address);
  source_->SetAddress(*address);
  uint64_t step = 0;
  for (int i = 0; i < 3; ++i) {
    const auto rollout = TakeAtLast(source_.get(), {.steps = kSteps});
    ASSERT_OK(rollout);
    for (const float reward : (*rollout)->reward) ASSERT_EQ(reward, static_cast<float>(step++));
  }
  EXPECT_GT(proxy.connections(), 3);
}

TEST_F(RpcRolloutSourceTest, AShardThatWasRestartedGoesOnFromItsFile) {
  Serve(/*steps=*/8);
  InsertChunks(stub_.get(), 0, 3, 8);
  ASSERT_OK(source_->Take({.steps = 8}, kMax));
  ASSERT_OK(Checkpoint(stub_.get(), "a"));
  ServedShard again(folder_.path(), "t");
  CreateTable(options_, again.address(), /*shard=*/0, "newest");
  source_->SetAddress(again.address());
  const auto rollout = source_->Take({.steps = 8}, kMax);
  ASSERT_OK(rollout);
  EXPECT_EQ(RowNames(**rollout).front(), "0.0@8");
}

TEST_F(RpcRolloutSourceTest, WorksOverTcp) {
  ReplayServer service(folder_.path());
  auto server = RpcServer::Start(*ParseRpcAddress("127.0.0.1:0", "test"), {&service},
                                 RpcSecurity::InsecureLoopback());
  ASSERT_OK(server);
  RpcReplayOptions options = Options(8);
  options.security = RpcSecurity::InsecureLoopback();
  CreateTable(options, (*server)->address());
  const auto stub = ReplayService::NewStub(
      MakeChannel((*server)->address(), PeerRole::kReplay, RpcSecurity::InsecureLoopback()));
  InsertChunks(stub.get(), 0, 1, 8);
  RpcRolloutSource source(options);
  source.SetAddress((*server)->address());
  EXPECT_OK(source.Take({.steps = 8}, kMax));
  (*server)->Stop(milliseconds(0));
}

TEST(RpcReplayOptionsTest, OnPolicyNeedsOneShardWithoutALimiter) {
  RpcReplayOptions options = Options(8);
  EXPECT_OK(options.Validate());
  options.shards = 2;
  EXPECT_THAT(options.Validate(), IsInvalid("needs replay.shards 1"));
  options.shards = 1;
  options.table.mutable_limiter();
  EXPECT_THAT(options.Validate(), IsInvalid("and no limiter"));
}

}  // namespace
}  // namespace pmoe
