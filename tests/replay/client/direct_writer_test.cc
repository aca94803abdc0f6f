// What the writer sends is seen through the stage: it refuses a wrong seq or round, and through the
// table, which refuses a wrong step or observation.
#include "replay/client/direct_writer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/replay/replay_testing.h"
#include "tests/testing/eventually.h"

namespace pmoe {
namespace {

constexpr TableSpec kSpec{.obs_dim = 2, .action_dim = 1};
constexpr auto kBad = absl::StatusCode::kInvalidArgument;

// A shard, its writer, and environments that count their steps.
class DirectWriterTest : public ::testing::Test {
 protected:
  DirectWriterTest() { Restart({}); }

  void Restart(const DirectTransitionWriterOptions& options) {
    auto shard = ReplayShard::Create(
        {.spec = kSpec, .stage = {.actors = 1, .first_round = options.chunks.first_round}});
    EXPECT_OK(shard);
    shard_ = *std::move(shard);
    auto writer = DirectTransitionWriter::Create(options, shard_.get());
    EXPECT_OK(writer);
    writer_ = *std::move(writer);
  }

  absl::Status Step(uint32_t env, bool terminated = false, bool truncated = false) {
    const float obs[] = {static_cast<float>(env), static_cast<float>(steps_[env])};
    const float next[] = {static_cast<float>(env), static_cast<float>(++steps_[env])};
    const float action[] = {0.25f};
    return writer_->Write(env, {.obs = obs,
                                .action = action,
                                .reward = 1.0f,
                                .terminated = terminated,
                                .truncated = truncated,
                                .next_obs = next,
                                .policy_version = 3});
  }

  // Ends the writer's round and counts the chunks that made it.
  absl::StatusOr<int64_t> Commit(uint64_t round) {
    if (absl::Status s = writer_->EndRound(round); !s.ok()) return s;
    if (absl::Status s = shard_->Commit(round); !s.ok()) return s;
    return shard_->inserted();
  }

  // The seq that the writer uses next: how many chunks it has sent.
  uint64_t Sent() const {
    ByteWriter out;
    writer_->SaveState(&out);
    ByteReader in(out.bytes());
    uint64_t seq = 0;
    in.Pod(&seq);
    return seq;
  }

  std::unique_ptr<ReplayShard> shard_;
  std::unique_ptr<DirectTransitionWriter> writer_;
  int steps_[4] = {};
};

TEST_F(DirectWriterTest, EverySteppedRowArrives) {
  for (int i = 0; i < 150; ++i) ASSERT_OK(Step(0));
  const auto inserted = Commit(0);
  ASSERT_OK(inserted);
  EXPECT_EQ(*inserted, 150);
}

TEST_F(DirectWriterTest, AChunkEndsAt64Rows) {
  for (int i = 0; i < 64; ++i) ASSERT_OK(Step(0));
  EXPECT_EQ(Sent(), 1u);
  ASSERT_OK(Commit(0));
  EXPECT_EQ(Sent(), 2u);  // and a bare marker
}

TEST_F(DirectWriterTest, AChunkEndsWithTheEpisode) {
  ASSERT_OK(Step(0));
  ASSERT_OK(Step(0, /*terminated=*/true));
  EXPECT_EQ(Sent(), 1u);
  ASSERT_OK(Step(0, /*terminated=*/false, /*truncated=*/true));
  EXPECT_EQ(Sent(), 2u);
}

TEST_F(DirectWriterTest, ARoundsLastBufferedChunkMarksItsEnd) {
  Restart({.chunks = {.envs = 3}});
  ASSERT_OK(Step(2));
  ASSERT_OK(Step(0));
  const auto inserted = Commit(0);
  ASSERT_OK(inserted);
  EXPECT_EQ(*inserted, 2);
  EXPECT_EQ(Sent(), 2u);  // no marker of its own
}

TEST_F(DirectWriterTest, AnEmptyRoundIsABareMarker) {
  const auto inserted = Commit(0);
  ASSERT_OK(inserted);
  EXPECT_EQ(*inserted, 0);
}

TEST_F(DirectWriterTest, EpisodesGoOnAcrossRounds) {
  for (uint64_t round = 0; round < 5; ++round) {
    for (int i = 0; i < 10; ++i) ASSERT_OK(Step(0));
    ASSERT_OK(Commit(round));
  }
  EXPECT_EQ(shard_->size(), 50);
}

TEST_F(DirectWriterTest, RoundsBeginWhereItWasTold) {
  Restart({.chunks = {.first_round = 7}});
  ASSERT_OK(Step(0));
  EXPECT_THAT(writer_->EndRound(0), FailsWith(absl::StatusCode::kFailedPrecondition, "in round 7"));
  EXPECT_OK(Commit(7));
}

TEST_F(DirectWriterTest, RefusesAnObservationThatIsNotTheSuccessor) {
  ASSERT_OK(Step(0));
  ++steps_[0];
  EXPECT_THAT(Step(0), FailsWith(kBad, "obs is not next_obs of the step before"));
}

TEST_F(DirectWriterTest, ChecksTheSuccessorAcrossRoundsToo) {
  ASSERT_OK(Step(0));
  ASSERT_OK(Commit(0));
  ++steps_[0];
  EXPECT_THAT(Step(0), FailsWith(kBad, "env 0 step 1"));
}

TEST_F(DirectWriterTest, TakesAnyObservationAfterAnEpisodesEnd) {
  ASSERT_OK(Step(0, /*terminated=*/true));
  steps_[0] = 40;
  EXPECT_OK(Step(0));
}

TEST_F(DirectWriterTest, NamesWhatHasTheWrongSize) {
  const float two[] = {0, 0};
  const float one[] = {0};
  EXPECT_THAT(writer_->Write(0, {.obs = one, .action = one, .next_obs = two}),
              FailsWith(kBad, "obs"));
  EXPECT_THAT(writer_->Write(0, {.obs = two, .action = two, .next_obs = two}),
              FailsWith(kBad, "action must hold 1 values, got 2"));
  EXPECT_THAT(writer_->Write(1, {.obs = two, .action = one, .next_obs = two}),
              FailsWith(kBad, "env must be < 1"));
}

TEST_F(DirectWriterTest, GoesOnWhereItsSavedStateLeft) {
  for (int i = 0; i < 10; ++i) ASSERT_OK(Step(0));
  ASSERT_OK(Commit(0));
  ByteWriter out;
  writer_->SaveState(&out);
  auto resumed = DirectTransitionWriter::Create({}, shard_.get());
  ASSERT_OK(resumed);
  ByteReader in(out.bytes());
  ASSERT_OK((*resumed)->LoadState(&in));
  writer_ = *std::move(resumed);
  ASSERT_OK(Step(0));
  EXPECT_OK(Commit(1));
  EXPECT_EQ(shard_->size(), 11);
  ++steps_[0];
  EXPECT_THAT(Step(0), FailsWith(kBad, "obs is not next_obs"));
}

// An environment that cannot be saved begins anew after a resume.
TEST_F(DirectWriterTest, AnEpisodeThatIsAbandonedMayBeFollowedByAnyOther) {
  EXPECT_FALSE(writer_->AbandonEpisode(0));
  for (int i = 0; i < 10; ++i) ASSERT_OK(Step(0));
  ASSERT_OK(Commit(0));
  EXPECT_TRUE(writer_->AbandonEpisode(0));
  ++steps_[0];
  ASSERT_OK(Step(0));
  EXPECT_OK(Commit(1));
  EXPECT_EQ(shard_->size(), 11);
}

TEST_F(DirectWriterTest, RefusesTruncatedStateAndStateOfOtherEnvironments) {
  ASSERT_OK(Step(0));
  ASSERT_OK(Commit(0));
  ByteWriter out;
  writer_->SaveState(&out);
  for (size_t n = 0; n < out.bytes().size(); ++n) {
    ByteReader in(absl::string_view(out.bytes()).substr(0, n));
    EXPECT_THAT(writer_->LoadState(&in), FailsWith(absl::StatusCode::kDataLoss, "writer")) << n;
  }
  auto other = DirectTransitionWriter::Create({.chunks = {.envs = 2}}, shard_.get());
  ASSERT_OK(other);
  ByteReader in(out.bytes());
  EXPECT_THAT((*other)->LoadState(&in),
              FailsWith(absl::StatusCode::kFailedPrecondition, "1 environments, this one 2"));
}

TEST_F(DirectWriterTest, InAsyncRowsEnterAtOnceAndAFlushSendsTheRest) {
  Restart({.lockstep = false});
  for (int i = 0; i < kPageRows + 3; ++i) ASSERT_OK(Step(0));
  EXPECT_EQ(shard_->size(), kPageRows);
  ASSERT_OK(writer_->Flush());
  EXPECT_EQ(shard_->size(), kPageRows + 3);
}

TEST(DirectWriterWaitTest, SaysWhenItWaitsForTheLimiter) {
  ReplayShardOptions shard_options{.spec = kSpec};
  shard_options.gate.limiter = RateLimiterOptions{.min_size = 1, .insert_max = kPageRows};
  auto shard = ReplayShard::Create(shard_options);
  ASSERT_OK(shard);
  std::atomic<int> waits{0}, over{0};
  DirectTransitionWriterOptions options;
  options.lockstep = false;
  options.on_wait = [&](bool begins) { ++(begins ? waits : over); };
  auto writer = DirectTransitionWriter::Create(options, shard->get());
  ASSERT_OK(writer);
  std::thread writes([&] {
    absl::Status status;
    for (int i = 0; status.ok(); ++i) {
      const float obs[] = {static_cast<float>(i), 0.0f}, next[] = {obs[0] + 1.0f, 0.0f};
      const float action[] = {0.5f};
      status = (*writer)->Write(0, {.obs = obs, .action = action, .next_obs = next});
    }
    EXPECT_THAT(status, FailsWith(absl::StatusCode::kCancelled, "over"));
  });
  EXPECT_TRUE(Eventually([&] { return waits == 1; }));
  EXPECT_EQ(over, 0);
  (*shard)->Cancel(absl::CancelledError("the run is over"));
  writes.join();
  EXPECT_EQ(over, 1);
}

}  // namespace
}  // namespace pmoe
