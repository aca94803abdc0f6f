#include "replay/core/round_stage.h"

#include <gtest/gtest.h>

#include "tests/replay/replay_testing.h"

namespace pmoe {
namespace {

constexpr TableSpec kSpec{.obs_dim = 2, .action_dim = 1};
constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;

// A stage and the book of what was committed, as a shard has them.
class Stage {
 public:
  explicit Stage(const RoundStageOptions& options) : stage_(options) {}

  absl::Status Add(const Chunk& chunk) { return stage_.Add(chunk, &book_); }
  absl::StatusOr<uint64_t> Hello(const WriterHello& hello) { return stage_.Hello(hello, book_); }
  absl::StatusOr<std::vector<Chunk>> Take(uint64_t round) {
    auto chunks = stage_.Take(round);
    if (chunks.ok()) {
      for (const Chunk& chunk : *chunks) book_.Record(chunk);
    }
    return chunks;
  }
  std::string Saved() const {
    ByteWriter out;
    stage_.SaveState(book_, &out);
    return out.Take();
  }
  absl::Status Load(const std::string& bytes) {
    ByteReader in(bytes);
    return stage_.LoadState(&in, &book_);
  }
  const RoundStage* operator->() const { return &stage_; }

 private:
  RoundStage stage_;
  StreamBook book_;
};

TEST(RoundStageTest, GivesChunksInActorEnvStepOrderWhateverTheArrival) {
  Stage stage({.actors = 2});
  ASSERT_OK(stage.Add(MakeChunk(kSpec, {.actor = 1, .env = 1, .seq = 0})));
  ASSERT_OK(stage.Add(MakeChunk(kSpec, {.actor = 0, .env = 1, .seq = 0})));
  ASSERT_OK(stage.Add(MakeChunk(kSpec, {.actor = 1, .env = 0, .seq = 1, .last_of_round = true})));
  ASSERT_OK(stage.Add(MakeChunk(kSpec, {.actor = 0, .env = 0, .seq = 1, .first_step = 9})));
  ASSERT_OK(stage.Add(
      MakeChunk(kSpec, {.actor = 0, .env = 0, .seq = 2, .first_step = 3, .last_of_round = true})));
  const auto chunks = stage.Take(0);
  ASSERT_OK(chunks);
  std::vector<std::string> order;
  for (const Chunk& c : *chunks) order.push_back(absl::StrCat(c.actor, c.env, c.first_step));
  EXPECT_THAT(order, ::testing::ElementsAre("003", "009", "010", "100", "110"));
}

TEST(RoundStageTest, WaitsForEveryActorsLastChunk) {
  Stage stage({.actors = 3});
  EXPECT_EQ(stage->Missing(0), "actors 0, 1, 2");
  ASSERT_OK(stage.Add(MakeChunk(kSpec, {.actor = 0, .last_of_round = true})));
  ASSERT_OK(stage.Add(MakeChunk(kSpec, {.actor = 2, .rows = 0, .last_of_round = true})));
  EXPECT_FALSE(stage->Complete(0));
  EXPECT_EQ(stage->Missing(0), "actor 1");
  EXPECT_THAT(stage.Take(0), FailsWith(kRefused, "actor 1 did not end it"));
  ASSERT_OK(stage.Add(MakeChunk(kSpec, {.actor = 1, .last_of_round = true})));
  EXPECT_TRUE(stage->Complete(0));
}

TEST(RoundStageTest, GivesMarkersTooSoThatTheirNumbersCount) {
  Stage stage({.actors = 1});
  ASSERT_OK(stage.Add(MakeChunk(kSpec, {.seq = 0})));
  ASSERT_OK(stage.Add(MakeChunk(kSpec, {.seq = 1, .rows = 0, .last_of_round = true})));
  const auto chunks = stage.Take(0);
  ASSERT_OK(chunks);
  EXPECT_EQ(chunks->size(), 2u);
  EXPECT_EQ(*stage.Hello({}), 2u);
}

TEST(RoundStageTest, TellsADuplicateFromALostChunk) {
  Stage stage({.actors = 1});
  ASSERT_OK(stage.Add(MakeChunk(kSpec, {.seq = 0})));
  EXPECT_THAT(stage.Add(MakeChunk(kSpec, {.seq = 0})),
              FailsWith(absl::StatusCode::kAlreadyExists, "came before"));
  EXPECT_THAT(stage.Add(MakeChunk(kSpec, {.seq = 2})),
              FailsWith(kRefused, "seq 1 must come first"));
  EXPECT_OK(stage.Add(MakeChunk(kSpec, {.seq = 1})));
}

TEST(RoundStageTest, RefusesARoundThatIsNotTheActorsOwn) {
  Stage stage({.actors = 1, .first_round = 5});
  EXPECT_THAT(stage.Add(MakeChunk(kSpec, {.round = 4})), FailsWith(kRefused, "in round 5"));
  EXPECT_THAT(stage.Add(MakeChunk(kSpec, {.round = 6})), FailsWith(kRefused, "in round 5"));
  EXPECT_OK(stage.Add(MakeChunk(kSpec, {.round = 5})));
}

TEST(RoundStageTest, TakesTheNextRoundOnlyOnceThisOneIsWhole) {
  Stage stage({.actors = 2});
  ASSERT_OK(stage.Add(MakeChunk(kSpec, {.actor = 0, .seq = 0, .last_of_round = true})));
  const Chunk ahead = MakeChunk(kSpec, {.actor = 0, .seq = 1, .round = 1, .last_of_round = true});
  EXPECT_THAT(stage.Add(ahead), FailsWith(kRefused, "round 0 is not wholly staged"));
  ASSERT_OK(stage.Add(MakeChunk(kSpec, {.actor = 1, .seq = 0, .last_of_round = true})));
  EXPECT_OK(stage.Add(ahead));
}

TEST(RoundStageTest, HoldsOneRoundBeyondTheUncommittedOne) {
  Stage stage({.actors = 1});
  ASSERT_OK(stage.Add(MakeChunk(kSpec, {.seq = 0, .round = 0, .last_of_round = true})));
  ASSERT_OK(stage.Add(MakeChunk(kSpec, {.seq = 1, .round = 1, .last_of_round = true})));
  const Chunk third = MakeChunk(kSpec, {.seq = 2, .round = 2, .last_of_round = true});
  EXPECT_THAT(stage.Add(third), FailsWith(kRefused, "round 0 is not committed"));
  ASSERT_OK(stage.Take(0));
  EXPECT_OK(stage.Add(third));
}

TEST(RoundStageTest, CommitsRoundsInOrderAndOnce) {
  Stage stage({.actors = 1});
  ASSERT_OK(stage.Add(MakeChunk(kSpec, {.last_of_round = true})));
  EXPECT_THAT(stage.Take(1), FailsWith(kRefused, "the next is 0"));
  EXPECT_OK(stage.Take(0));
  EXPECT_THAT(stage.Take(0), FailsWith(kRefused, "the next is 1"));
}

TEST(RoundStageTest, RefusesAnActorThatTheRunDoesNotHave) {
  Stage stage({.actors = 2});
  EXPECT_THAT(stage.Add(MakeChunk(kSpec, {.actor = 2})), IsInvalid("actors 0 to 1"));
}

TEST(RoundStageTest, RefusesAnActorThatComesBackAsAnotherEpoch) {
  Stage stage({.actors = 1});
  ASSERT_OK(stage.Add(MakeChunk(kSpec, {.epoch = 1, .seq = 0})));
  EXPECT_THAT(stage.Add(MakeChunk(kSpec, {.epoch = 2, .seq = 0})), FailsWith(kRefused, "epoch 2"));
}

TEST(RoundStageTest, BoundsTheRowsItHolds) {
  Stage stage({.actors = 1, .rows_max = 100});
  ASSERT_OK(stage.Add(MakeChunk(kSpec, {.seq = 0, .rows = 64})));
  EXPECT_THAT(stage.Add(MakeChunk(kSpec, {.seq = 1, .rows = 64})),
              FailsWith(absl::StatusCode::kResourceExhausted, "at most 100"));
}

// Lag 1: one actor is a whole round ahead of the other.
TEST(RoundStageTest, SavesTheLastCommitWhateverIsStaged) {
  Stage stage({.actors = 2});
  const auto send = [&stage](uint32_t actor, uint64_t round, uint64_t seq) {
    ASSERT_OK(stage.Add(
        MakeChunk(kSpec, {.actor = actor, .seq = seq, .round = round, .last_of_round = true})));
  };
  send(0, 0, 0);
  send(1, 0, 0);
  for (uint64_t round = 0; round < 3; ++round) {
    send(0, round + 1, round + 1);
    ASSERT_OK(stage.Take(round));
    Stage restored({.actors = 2});
    const std::string saved = stage.Saved();
    ASSERT_OK(restored.Load(saved));
    EXPECT_EQ(restored->rows(), 0);
    EXPECT_EQ(restored->next_round(), round + 1);
    for (const uint32_t actor : {0u, 1u}) EXPECT_EQ(*restored.Hello({.actor = actor}), round + 1);
    send(1, round + 1, round + 1);
    EXPECT_EQ(stage.Saved(), saved);
  }
}

TEST(RoundStageTest, RefusesBytesOfARoundThatIsNotCommitted) {
  Stage stage({.actors = 1});
  std::string bytes = stage.Saved();
  bytes[bytes.size() - 8] = 1;  // the count of staged chunks
  Stage other({.actors = 1});
  EXPECT_THAT(other.Load(bytes), FailsWith(absl::StatusCode::kDataLoss, "not committed"));
}

TEST(RoundStageTest, RefusesTheStateOfARunWithOtherActors) {
  Stage two({.actors = 2});
  for (const uint32_t actor : {0u, 1u}) {
    ASSERT_OK(two.Add(MakeChunk(kSpec, {.actor = actor, .last_of_round = true})));
  }
  ASSERT_OK(two.Take(0));
  Stage other({.actors = 3});
  EXPECT_THAT(other.Load(two.Saved()), FailsWith(kRefused, "2 actors, this one 3"));
}

TEST(RoundStageTest, WithoutRoundsTheNumberOfActorsMayChange) {
  Stage other({.actors = 3});
  EXPECT_OK(other.Load(Stage({.actors = 2}).Saved()));
}

TEST(RoundStageTest, AWriterThatComesBackHearsWhichChunkIsNeeded) {
  Stage stage({.actors = 2});
  EXPECT_EQ(*stage.Hello({.actor = 1, .epoch = 3}), 0u);
  ASSERT_OK(stage.Add(MakeChunk({.obs_dim = 1, .action_dim = 1}, {.actor = 1, .epoch = 3})));
  EXPECT_EQ(*stage.Hello({.actor = 1, .epoch = 3}), 1u);
  const auto kRefused = absl::StatusCode::kFailedPrecondition;
  EXPECT_THAT(stage.Hello({.actor = 1, .epoch = 4}), FailsWith(kRefused, "began with epoch 3"));
  EXPECT_THAT(stage.Hello({.actor = 1, .epoch = 3, .first_seq_held = 2}),
              FailsWith(kRefused, "seq 1 is needed"));
  EXPECT_THAT(stage.Hello({.actor = 2}), IsInvalid("actors 0 to 1"));
}

}  // namespace
}  // namespace pmoe
