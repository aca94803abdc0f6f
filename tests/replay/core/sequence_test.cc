// Sequences that came from elsewhere: what no shard would give is none.
#include "replay/core/sequence.h"

#include <gtest/gtest.h>

#include <functional>

#include "tests/replay/replay_testing.h"

namespace pmoe {
namespace {

constexpr int kRows = 4;

// Of 4 and 2 rows: one that goes on, and one that terminated.
Minibatch Good() {
  Minibatch batch({.obs_dim = 2, .action_dim = 1}, {.size = 2, .sequence_rows = kRows});
  const auto fill = [](float* column, int width) {
    std::fill_n(column, (kRows + 2) * width, 1.0f);
  };
  fill(batch.obs(), 2);
  fill(batch.action(), 1);
  fill(batch.reward(), 1);
  fill(batch.discount(), 1);
  fill(batch.next_obs(), 2);
  batch.discount()[kRows + 1] = 0.0f;
  batch.length()[0] = kRows;
  batch.length()[1] = 2;
  batch.flags()[kRows + 1] = kSequenceTerminated;
  return batch;
}

using Change = std::function<void(Minibatch*)>;

absl::Status Check(const Change& change) {
  Minibatch batch = Good();
  change(&batch);
  return CheckSequences(batch, 0, 2);
}

TEST(SequenceTest, EveryWayToEndIsOne) {
  EXPECT_OK(Check([](Minibatch*) {}));
  for (const int flags : {0, 1, 2, 3, 4}) {
    EXPECT_OK(Check([flags](Minibatch* batch) {
      batch->flags()[kRows - 1] = static_cast<uint8_t>(flags);
      if ((flags & kSequenceTerminated) != 0) batch->discount()[kRows - 1] = 0.0f;
    })) << flags;
  }
}

TEST(SequenceTest, LengthsThatAreNoneAreDamage) {
  for (const uint32_t length : {0u, kRows + 1u, UINT32_MAX, 0x80000000u}) {
    EXPECT_THAT(Check([length](Minibatch* batch) { batch->length()[0] = length; }),
                FailsWith(absl::StatusCode::kDataLoss, "it must be in [1, 4]"));
  }
}

TEST(SequenceTest, FlagsThatAreNoneAreDamage) {
  for (const int flags : {5, 6, 7, 8, 16, 128, 255}) {
    EXPECT_THAT(Check([flags](Minibatch* batch) {
                  batch->flags()[kRows + 1] = static_cast<uint8_t>(flags);
                }),
                FailsWith(absl::StatusCode::kDataLoss, "flags that no row has there"));
  }
  EXPECT_THAT(Check([](Minibatch* batch) { batch->flags()[1] = kSequenceCut; }),
              FailsWith(absl::StatusCode::kDataLoss, "flags that no row has there"));
  EXPECT_THAT(Check([](Minibatch* batch) { batch->flags()[kRows + 1] = 0; }),
              FailsWith(absl::StatusCode::kDataLoss, "2 of 4 rows does not say why it ends"));
  EXPECT_THAT(Check([](Minibatch* batch) { batch->flags()[kRows + 2] = kSequenceCut; }),
              FailsWith(absl::StatusCode::kDataLoss, "flags behind its end"));
  EXPECT_THAT(Check([](Minibatch* batch) { batch->discount()[kRows + 1] = 0.5f; }),
              FailsWith(absl::StatusCode::kDataLoss, "terminated with a discount of 0.5"));
}

TEST(SequenceTest, WhatStandsBehindTheirEndIsDamageInEveryColumn) {
  const Change changes[] = {
      [](Minibatch* batch) { batch->obs()[2 * (kRows + 2)] = 1.0f; },
      [](Minibatch* batch) { batch->action()[kRows + 3] = 1.0f; },
      [](Minibatch* batch) { batch->reward()[kRows + 2] = 1.0f; },
      [](Minibatch* batch) { batch->discount()[kRows + 2] = 1.0f; },
      [](Minibatch* batch) { batch->next_obs()[2 * (kRows + 4) - 1] = 1.0f; },
      [](Minibatch* batch) { batch->policy_version()[kRows + 3] = 1; },
  };
  for (const Change& change : changes) {
    EXPECT_THAT(Check(change), FailsWith(absl::StatusCode::kDataLoss, "filled up with zeros"));
  }
}

TEST(SequenceTest, OnlyThoseAskedForAreLookedAt) {
  Minibatch batch = Good();
  batch.length()[1] = 0;
  EXPECT_OK(CheckSequences(batch, 0, 1));
  EXPECT_FALSE(CheckSequences(batch, 1, 1).ok());
}

}  // namespace
}  // namespace pmoe
