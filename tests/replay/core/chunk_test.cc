#include "replay/core/chunk.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "replay/core/nonsense.h"
#include "tests/replay/replay_testing.h"

namespace pmoe {
namespace {

constexpr TableSpec kSpec{.obs_dim = 3, .action_dim = 2, .extra_dim = 1};

Chunk Good() { return MakeChunk(kSpec, {.rows = 4}); }

TEST(ChunkTest, AcceptsAFullChunkThatEndsAnEpisode) {
  EXPECT_OK(ValidateChunk(kSpec, {}, MakeChunk(kSpec, {.rows = 64, .terminated = true})));
}

TEST(ChunkTest, AcceptsABareMarkerAndNothingElseWithoutRows) {
  EXPECT_OK(ValidateChunk(kSpec, {}, MakeChunk(kSpec, {.rows = 0, .last_of_round = true})));
  EXPECT_THAT(ValidateChunk(kSpec, {}, MakeChunk(kSpec, {.rows = 0})), IsInvalid("no rows"));
}

TEST(ChunkTest, RefusesMoreRowsThanAPage) {
  EXPECT_THAT(ValidateChunk(kSpec, {}, MakeChunk(kSpec, {.rows = 65})),
              IsInvalid("rows must be <= 64, got 65"));
}

TEST(ChunkTest, NamesTheColumnOfTheWrongSize) {
  const auto broken = [](auto change) {
    Chunk chunk = Good();
    change(&chunk);
    return ValidateChunk(kSpec, {}, chunk);
  };
  const auto kBad = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(broken([](Chunk* c) { c->observations.pop_back(); }),
              FailsWith(kBad, "observations"));
  EXPECT_THAT(broken([](Chunk* c) { c->actions.push_back(0); }), FailsWith(kBad, "actions"));
  EXPECT_THAT(broken([](Chunk* c) { c->rewards.clear(); }), FailsWith(kBad, "rewards"));
  EXPECT_THAT(broken([](Chunk* c) { c->terminated.pop_back(); }), FailsWith(kBad, "terminated"));
  EXPECT_THAT(broken([](Chunk* c) { c->truncated.push_back(0); }), FailsWith(kBad, "truncated"));
  EXPECT_THAT(broken([](Chunk* c) { c->policy_version.clear(); }),
              FailsWith(kBad, "policy_version"));
  EXPECT_THAT(broken([](Chunk* c) { c->extra.pop_back(); }), FailsWith(kBad, "extra"));
}

TEST(ChunkTest, RefusesAnEpisodeEndBeforeTheLastRow) {
  Chunk chunk = Good();
  chunk.truncated[2] = 1;
  EXPECT_THAT(ValidateChunk(kSpec, {}, chunk), IsInvalid("the episode ends in row 2 of 4"));
}

TEST(ChunkTest, RefusesFlagsThatAreNeitherZeroNorOne) {
  Chunk chunk = Good();
  chunk.terminated[3] = 2;
  EXPECT_THAT(ValidateChunk(kSpec, {}, chunk), IsInvalid("must be 0 or 1, got 2 and 0"));
}

TEST(ChunkTest, RefusesAStepNumberThatWouldOverflow) {
  Chunk chunk = Good();
  chunk.first_step = std::numeric_limits<uint64_t>::max() - 1;
  EXPECT_THAT(ValidateChunk(kSpec, {}, chunk), IsInvalid("first_step"));
}

TEST(ChunkTest, RefusesWhatIsNotFiniteInEveryColumnUnlessToldOtherwise) {
  constexpr float kBad[] = {std::numeric_limits<float>::quiet_NaN(),
                            std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity()};
  using Column = std::vector<float> Chunk::*;
  for (const Column column :
       {&Chunk::observations, &Chunk::actions, &Chunk::rewards, &Chunk::extra}) {
    for (const float bad : kBad) {
      Chunk chunk = Good();
      (chunk.*column).back() = bad;
      const absl::Status refused = ValidateChunk(kSpec, {}, chunk);
      EXPECT_THAT(refused, IsInvalid("is NaN or infinite"));
      EXPECT_EQ(NonsenseReason(refused), kNotFinite);
      EXPECT_OK(ValidateChunk(kSpec, {.reject_nonfinite = false}, chunk));
    }
    Chunk chunk = Good();
    (chunk.*column).front() = -std::numeric_limits<float>::max();
    EXPECT_OK(ValidateChunk(kSpec, {}, chunk));
  }
}

TEST(ChunkTest, RefusesAnEnvironmentThatAnActorDoesNotHave) {
  Chunk chunk = Good();
  chunk.env = 3;
  EXPECT_OK(ValidateChunk(kSpec, {.envs = 4}, chunk));
  EXPECT_THAT(ValidateChunk(kSpec, {.envs = 3}, chunk), IsInvalid("env must be < actor.envs = 3"));
  chunk.env = UINT32_MAX;
  EXPECT_THAT(ValidateChunk(kSpec, {}, chunk), IsInvalid("env must be"));
}

TEST(ChunkTest, RefusesAChoiceThatIsNone) {
  const ChunkRules rules{.choices = {.columns = 1, .below = {4}}};
  for (const float good : {0.0f, 3.0f}) {
    Chunk chunk = Good();
    std::fill(chunk.extra.begin(), chunk.extra.end(), good);
    EXPECT_OK(ValidateChunk(kSpec, rules, chunk));
  }
  for (const float bad : {-1.0f, 4.0f, 0.5f, 1e30f}) {
    Chunk chunk = Good();
    std::fill(chunk.extra.begin(), chunk.extra.end(), 1.0f);
    chunk.extra[2] = bad;
    EXPECT_THAT(ValidateChunk(kSpec, rules, chunk), IsInvalid("is none of its choices"));
  }
}

}  // namespace
}  // namespace pmoe
