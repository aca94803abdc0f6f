#include "replay/core/selectors/fifo_selector.h"

#include <gtest/gtest.h>

#include "tests/replay/core/rollout_testing.h"

namespace pmoe {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kBad = absl::StatusCode::kInvalidArgument;
constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;

// A queue whose rollouts have `steps` rows.
RolloutTable MakeQueue(int64_t steps, int max_lag = 1) {
  return RolloutTable({.rollout_steps = steps, .max_lag = max_lag});
}

// Rows from `first_step` on of one stream.
Chunk Rows(uint32_t actor, uint32_t env, uint64_t first_step, uint32_t rows, uint32_t version = 1) {
  return VersionChunk({.actor = actor, .env = env, .first_step = first_step, .rows = rows},
                      version);
}

Rollout Take(RolloutTable* queue, const RolloutRequest& request) {
  Rollout rollout;
  queue->DropOlder(request.version_min);
  EXPECT_TRUE(queue->CanTake(request)) << queue->ExplainTake(request);
  if (queue->CanTake(request)) queue->Take(request, &rollout);
  EXPECT_OK(ValidateRollout(rollout));
  return rollout;
}

TEST(FifoSelectorTest, GivesEveryLiveStreamTheSamePart) {
  RolloutTable queue = MakeQueue(6);
  ASSERT_OK(queue.Append(Rows(1, 0, 0, 5)));
  ASSERT_OK(queue.Append(Rows(0, 1, 0, 5)));
  ASSERT_OK(queue.Append(Rows(0, 0, 0, 5)));
  EXPECT_THAT(RowNames(Take(&queue, {.steps = 6})),
              ElementsAre("0.0@0", "0.0@1", "0.1@0", "0.1@1", "1.0@0", "1.0@1"));
  EXPECT_EQ(queue.size(), 9);
}

TEST(FifoSelectorTest, WaitsForTheStreamThatHasTooFewRows) {
  RolloutTable queue = MakeQueue(4);
  ASSERT_OK(queue.Append(Rows(0, 0, 0, 4)));
  ASSERT_OK(queue.Append(Rows(1, 0, 0, 1)));
  EXPECT_FALSE(queue.CanTake({.steps = 4}));
  EXPECT_THAT(queue.ExplainTake({.steps = 4}), HasSubstr("actor 1 env 0 has 1 of 2"));
  ASSERT_OK(queue.Append(Rows(1, 0, 1, 1)));
  EXPECT_TRUE(queue.CanTake({.steps = 4}));
}

TEST(FifoSelectorTest, TheRemainderIsTheFirstStreamsAmongEquals) {
  RolloutTable queue = MakeQueue(5);
  for (const uint32_t env : {0, 1, 2}) ASSERT_OK(queue.Append(Rows(0, env, 0, 9)));
  EXPECT_EQ(SegmentNames(Take(&queue, {.steps = 5})), "0.0+2C 0.1+2C 0.2+1C");
}

// With a remainder that always went to the first, the last would hold more and more rows.
TEST(FifoSelectorTest, TheRemainderGoesToWhoeverHasTheMostRowsLeft) {
  RolloutTable queue = MakeQueue(5);
  for (const uint32_t env : {0, 1, 2}) ASSERT_OK(queue.Append(Rows(0, env, 0, 9)));
  Take(&queue, {.steps = 5});
  EXPECT_EQ(SegmentNames(Take(&queue, {.steps = 5})), "0.0+2C 0.1+1C 0.2+2C");
}

TEST(FifoSelectorTest, GoesOnWhereTheLastRolloutEndedInsideAChunk) {
  RolloutTable queue = MakeQueue(3);
  ASSERT_OK(queue.Append(Rows(0, 0, 0, 7)));
  const Rollout first = Take(&queue, {.steps = 3});
  const Rollout second = Take(&queue, {.steps = 3});
  EXPECT_THAT(RowNames(second), ElementsAre("0.0@3", "0.0@4", "0.0@5"));
  // The successor of the first one's last row is where the second one begins.
  EXPECT_THAT(first.bootstrap_obs, ElementsAre(second.obs[0], second.obs[1]));
}

TEST(FifoSelectorTest, ASegmentGoesOverSeveralChunksAndVersions) {
  RolloutTable queue = MakeQueue(5);
  ASSERT_OK(queue.Append(Rows(0, 0, 0, 2, 1)));
  Chunk chunk = Rows(0, 0, 2, 3, 1);
  chunk.policy_version = {1, 2, 2};
  ASSERT_OK(queue.Append(chunk));
  const Rollout rollout = Take(&queue, {.steps = 5});
  EXPECT_EQ(SegmentNames(rollout), "0.0+5C");
  EXPECT_THAT(rollout.policy_version, ElementsAre(1, 1, 1, 2, 2));
}

TEST(FifoSelectorTest, ASegmentEndsWithItsEpisodeAndBootstrapsFromItsFinalObservation) {
  RolloutTable queue = MakeQueue(5);
  ASSERT_OK(
      queue.Append(VersionChunk({.env = 0, .first_step = 0, .rows = 2, .terminated = true}, 1)));
  ASSERT_OK(
      queue.Append(VersionChunk({.env = 0, .first_step = 2, .rows = 2, .truncated = true}, 1)));
  ASSERT_OK(queue.Append(Rows(0, 0, 4, 2)));
  const Rollout rollout = Take(&queue, {.steps = 5});
  EXPECT_EQ(SegmentNames(rollout), "0.0+2T 0.0+2U 0.0+1C");
  EXPECT_THAT(rollout.bootstrap_obs, ElementsAre(ObsValue(0, 0, 2), ObsValue(0, 0, 2) + 0.125f,
                                                 ObsValue(0, 0, 4), ObsValue(0, 0, 4) + 0.125f,
                                                 ObsValue(0, 0, 5), ObsValue(0, 0, 5) + 0.125f));
}

TEST(FifoSelectorTest, AnEpisodeThatIsBothTerminatedAndTruncatedIsTerminated) {
  RolloutTable queue = MakeQueue(2);
  ASSERT_OK(queue.Append(VersionChunk({.rows = 2, .terminated = true, .truncated = true}, 1)));
  EXPECT_EQ(SegmentNames(Take(&queue, {.steps = 2})), "0.0+2T");
}

TEST(FifoSelectorTest, LostRowsCutTheSegment) {
  RolloutTable queue = MakeQueue(4);
  ASSERT_OK(queue.Append(Rows(0, 0, 0, 2)));
  ASSERT_OK(queue.Append(Rows(0, 0, 5, 2)));
  const Rollout rollout = Take(&queue, {.steps = 4});
  EXPECT_EQ(SegmentNames(rollout), "0.0+2C 0.0+2C");
  EXPECT_EQ(rollout.bootstrap_obs[0], ObsValue(0, 0, 2));
}

TEST(FifoSelectorTest, TheRestOfARolloutIsReassignedWhenAnActorIsGone) {
  RolloutTable queue = MakeQueue(12);
  ASSERT_OK(queue.Append(Rows(0, 0, 0, 20)));
  ASSERT_OK(queue.Append(Rows(1, 0, 0, 1)));
  ASSERT_OK(queue.Append(Rows(2, 0, 0, 20)));
  EXPECT_FALSE(queue.CanTake({.steps = 12}));
  queue.CutActor(0, 1);
  EXPECT_EQ(SegmentNames(Take(&queue, {.steps = 12})), "0.0+6C 1.0+1C 2.0+5C");
  EXPECT_EQ(SegmentNames(Take(&queue, {.steps = 12})), "0.0+6C 2.0+6C");  // actor 1 is forgotten
}

TEST(FifoSelectorTest, RowsOfAnActorThatIsGoneMayFillARolloutAlone) {
  RolloutTable queue = MakeQueue(4);
  ASSERT_OK(queue.Append(Rows(0, 0, 0, 6)));
  ASSERT_OK(queue.Append(Rows(1, 0, 0, 1)));
  queue.CutActor(0, 0);
  EXPECT_EQ(SegmentNames(Take(&queue, {.steps = 4})), "0.0+4C");
  EXPECT_EQ(SegmentNames(Take(&queue, {.steps = 3})), "0.0+2C 1.0+1C");
}

TEST(FifoSelectorTest, ANewerEpochEndsTheOlderOnesStreams) {
  RolloutTable queue = MakeQueue(4);
  ASSERT_OK(queue.Append(Rows(0, 0, 0, 1)));
  Chunk newer = VersionChunk({.epoch = 1, .rows = 5}, 1);
  ASSERT_OK(queue.Append(newer));
  const Rollout rollout = Take(&queue, {.steps = 4});
  EXPECT_EQ(SegmentNames(rollout), "0.0+1C 0.0+3C");
  EXPECT_EQ(rollout.segments[0].epoch, 0u);
  EXPECT_EQ(rollout.segments[1].epoch, 1u);
  EXPECT_THAT(queue.Append(Rows(0, 0, 1, 1)), FailsWith(kRefused, "epoch 1 has taken"));
}

TEST(FifoSelectorTest, AnActorThatOnlySeemedGoneGoesOnInItsStream) {
  RolloutTable queue = MakeQueue(4);
  ASSERT_OK(queue.Append(Rows(0, 0, 0, 2)));
  queue.CutActor(0, 0);
  ASSERT_OK(queue.Append(Rows(0, 0, 2, 2)));
  EXPECT_EQ(SegmentNames(Take(&queue, {.steps = 4})), "0.0+4C");
}

TEST(FifoSelectorTest, RowsOfOlderVersionsAreDroppedAndCounted) {
  RolloutTable queue = MakeQueue(2);
  ASSERT_OK(queue.Append(Rows(0, 0, 0, 3, /*version=*/1)));
  ASSERT_OK(queue.Append(Rows(0, 0, 3, 3, /*version=*/2)));
  const Rollout rollout = Take(&queue, {.steps = 2, .version_min = 2});
  EXPECT_THAT(RowNames(rollout), ElementsAre("0.0@3", "0.0@4"));
  EXPECT_EQ(rollout.dropped, 3);
  EXPECT_EQ(queue.inserted(), 6);
}

TEST(FifoSelectorTest, RowsThatComeTooLateAreDroppedToo) {
  RolloutTable queue = MakeQueue(2);
  queue.DropOlder(2);
  ASSERT_OK(queue.Append(Rows(0, 0, 0, 3, /*version=*/1)));
  EXPECT_EQ(queue.size(), 0);
  EXPECT_EQ(queue.dropped(), 3);
}

TEST(FifoSelectorTest, ANewerRowEndsWhatCanBeTakenOfItsStream) {
  RolloutTable queue = MakeQueue(4);
  ASSERT_OK(queue.Append(Rows(0, 0, 0, 3, /*version=*/1)));
  ASSERT_OK(queue.Append(Rows(0, 0, 3, 3, /*version=*/2)));
  const RolloutRequest request = {.steps = 4, .version_max = 1};
  EXPECT_FALSE(queue.CanTake(request));
  EXPECT_THAT(queue.ExplainTake(request), HasSubstr("has 3 of 4 and then newer ones"));
  EXPECT_THAT(RowNames(Take(&queue, {.steps = 3, .version_max = 1})),
              ElementsAre("0.0@0", "0.0@1", "0.0@2"));
}

TEST(FifoSelectorTest, AStreamHoldsItsPartOfTheRolloutsItMayBeAhead) {
  RolloutTable queue = MakeQueue(20, /*max_lag=*/1);
  ASSERT_OK(queue.Append(Rows(0, 0, 0, 10)));
  ASSERT_OK(queue.Append(Rows(1, 0, 0, 1)));
  EXPECT_TRUE(queue.CanInsert(Rows(0, 0, 10, 10)));
  EXPECT_FALSE(queue.CanInsert(Rows(0, 0, 10, 11)));
  EXPECT_TRUE(queue.CanInsert(Rows(1, 0, 1, 64)));  // it lacks rows: a chunk may be too large
}

TEST(FifoSelectorTest, AnActorIsNotHeldBackWhileAnotherOfItsEnvironmentsLacksRows) {
  RolloutTable queue = MakeQueue(8, /*max_lag=*/0);
  ASSERT_OK(queue.Append(Rows(0, 0, 0, 4)));
  ASSERT_OK(queue.Append(Rows(0, 1, 0, 3)));
  EXPECT_TRUE(queue.CanInsert(Rows(0, 0, 4, 4)));  // the row that is missing comes behind it
  ASSERT_OK(queue.Append(Rows(0, 1, 3, 1)));
  EXPECT_FALSE(queue.CanInsert(Rows(0, 0, 4, 4)));
}

TEST(FifoSelectorTest, AnActorThatSendsOneEnvironmentOnlyIsHeldBackAtLast) {
  RolloutTable queue = MakeQueue(8, /*max_lag=*/0);
  ASSERT_OK(queue.Append(Rows(0, 1, 0, 3)));
  uint64_t step = 0;
  while (queue.CanInsert(Rows(0, 0, step, 64)) && step < 100'000) {
    ASSERT_OK(queue.Append(Rows(0, 0, step, 64)));
    step += 64;
  }
  EXPECT_LT(step, 2000u);
}

TEST(FifoSelectorTest, AnActorThatGoesMakesRoom) {
  RolloutTable queue = MakeQueue(20, /*max_lag=*/0);
  ASSERT_OK(queue.Append(Rows(0, 0, 0, 10)));
  ASSERT_OK(queue.Append(Rows(1, 0, 0, 1)));
  EXPECT_FALSE(queue.CanInsert(Rows(0, 0, 10, 5)));
  queue.RoomGrew();
  queue.CutActor(0, 1);
  EXPECT_TRUE(queue.RoomGrew());
  EXPECT_TRUE(queue.CanInsert(Rows(0, 0, 10, 5)));
}

// An actor that dies again and again must not fill the memory while the learner is busy.
TEST(FifoSelectorTest, RowsOfActorsThatAreGoneHoldTheOthersBackAtLast) {
  RolloutTable queue = MakeQueue(10, /*max_lag=*/1);
  uint32_t epoch = 0;
  const auto chunk = [&epoch] { return VersionChunk({.epoch = epoch, .rows = 6}, 1); };
  for (; queue.CanInsert(chunk()) && epoch < 100; ++epoch) ASSERT_OK(queue.Append(chunk()));
  EXPECT_LT(epoch, 10u);
  EXPECT_TRUE(queue.CanTake({.steps = 10}));
  EXPECT_THAT(queue.ExplainInsert(), HasSubstr("rows of actors that are gone"));
}

TEST(FifoSelectorTest, AStreamTooManyForARolloutIsRefused) {
  RolloutTable queue = MakeQueue(2);
  ASSERT_OK(queue.Append(Rows(0, 0, 0, 1)));
  ASSERT_OK(queue.Append(Rows(0, 1, 0, 1)));
  EXPECT_THAT(queue.Append(Rows(0, 2, 0, 1)),
              FailsWith(absl::StatusCode::kResourceExhausted, "run fewer environments"));
  EXPECT_OK(queue.Append(VersionChunk({.epoch = 1, .env = 2, .rows = 1}, 1)));
}

TEST(FifoSelectorTest, StepsThatCameBeforeOrDoNotContinueAreRefused) {
  RolloutTable queue = MakeQueue(4);
  ASSERT_OK(queue.Append(Rows(0, 0, 0, 2)));
  EXPECT_THAT(queue.Append(Rows(0, 0, 1, 2)),
              FailsWith(absl::StatusCode::kAlreadyExists, "came before"));
  Chunk chunk = Rows(0, 0, 2, 2);
  chunk.observations[0] += 1.0f;
  EXPECT_THAT(queue.Append(chunk), FailsWith(kBad, "not the successor"));
  EXPECT_EQ(queue.inserted(), 2);
}

TEST(FifoSelectorTest, ARequestThatCannotBeMetIsRefused) {
  RolloutTable queue = MakeQueue(4);
  EXPECT_THAT(queue.CheckRequest({.steps = 5}), FailsWith(kBad, "rollout_steps = 4"));
  EXPECT_THAT(queue.CheckRequest({.steps = 0}), FailsWith(kBad, "got 0"));
  EXPECT_THAT(queue.CheckRequest({.steps = 4, .version_min = 3, .version_max = 2}),
              FailsWith(kBad, "version_min 3"));
}

TEST(FifoSelectorTest, OptionsWithoutRowsOrWithANegativeLagAreRefused) {
  EXPECT_THAT(FifoOptions{}.Validate(), FailsWith(kBad, "rollout_steps"));
  EXPECT_THAT((FifoOptions{.rollout_steps = 8, .max_lag = -1}.Validate()),
              FailsWith(kBad, "max_lag"));
}

}  // namespace
}  // namespace pmoe
