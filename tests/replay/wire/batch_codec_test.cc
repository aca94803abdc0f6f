// Minibatches to bytes and back, and what damaged bytes do.
#include "replay/wire/batch_codec.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "common/base/rng.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "proto/replay.pb.h"
#include "replay/core/sequence.h"
#include "replay/wire/priorities_codec.h"
#include "tests/replay/replay_testing.h"

namespace pmoe {
namespace {

constexpr auto kDamaged = absl::StatusCode::kDataLoss;
constexpr TableSpec kSpec{.obs_dim = 3, .action_dim = 2};

// Every word another number.
void Fill(Minibatch* batch, uint32_t first) {
  const auto fill = [&first](void* column, int words) {
    for (int i = 0; i < words; ++i, ++first) {
      std::memcpy(static_cast<char*>(column) + 4 * i, &first, 4);
    }
  };
  fill(batch->obs(), batch->rows() * batch->spec().obs_dim);
  fill(batch->action(), batch->rows() * batch->spec().action_dim);
  fill(batch->reward(), batch->rows());
  fill(batch->discount(), batch->rows());
  fill(batch->next_obs(), batch->rows() * batch->spec().obs_dim);
  fill(batch->policy_version(), batch->rows());
  if (!batch->prioritized()) return;
  for (int i = 0; i < batch->size(); ++i) batch->weight()[i] = 1.0f / static_cast<float>(i + 1);
  fill(batch->key(), 2 * batch->size());
}

SampleReply Reply(Minibatch* batch) {
  SampleReply reply;
  reply.set_rows(static_cast<uint32_t>(batch->size()));
  reply.set_size(70);
  reply.set_eligible(60);
  reply.set_inserted(80);
  reply.set_columns(BatchBytes(batch));
  return reply;
}

// In pieces of `block` bytes, as gRPC's slices may cut it.
absl::Status Decode(const std::string& bytes, const BatchSlot& slot, ShardCounts* counts,
                    int block = -1) {
  google::protobuf::io::ArrayInputStream in(bytes.data(), static_cast<int>(bytes.size()), block);
  return DecodeSampleReply(&in, slot, counts);
}

// Sequences of up to 4 rows of two lengths in turn, as a shard gives them.
Minibatch SomeSequences(int size, bool prioritized = false) {
  Minibatch batch(kSpec, {size, 4, prioritized});
  Fill(&batch, 400);
  for (int i = 0; i < size; ++i) {
    const int length = i % 2 == 0 ? 4 : 1;
    const int end = 4 * i + length;
    const auto clear = [&](float* column, int width) {
      std::fill(column + width * end, column + width * 4 * (i + 1), 0.0f);
    };
    batch.length()[i] = static_cast<uint32_t>(length);
    if (length < 4) batch.flags()[end - 1] = kSequenceTruncated;
    clear(batch.obs(), 3);
    clear(batch.action(), 2);
    clear(batch.reward(), 1);
    clear(batch.discount(), 1);
    clear(batch.next_obs(), 3);
    std::fill(batch.policy_version() + end, batch.policy_version() + 4 * (i + 1), 0u);
  }
  return batch;
}

class BatchCodecTest : public ::testing::Test {
 protected:
  BatchCodecTest() { Fill(&sent_, 1); }

  Minibatch sent_{kSpec, 8};
  Minibatch received_{kSpec, 8};
  ShardCounts counts_;
};

TEST_F(BatchCodecTest, WhatIsPackedComesOutInWhateverPieces) {
  const std::string bytes = Reply(&sent_).SerializeAsString();
  for (const int block : {-1, 1, 7, 64}) {
    Minibatch received(kSpec, 8);
    ASSERT_OK(Decode(bytes, {&received, 0, 8}, &counts_, block));
    EXPECT_EQ(BatchBytes(&received), BatchBytes(&sent_));
  }
  EXPECT_EQ(counts_.size, 70);
  EXPECT_EQ(counts_.eligible, 60);
  EXPECT_EQ(counts_.inserted, 80);
}

TEST_F(BatchCodecTest, PartsOfTwoShardsMakeOneMinibatch) {
  Minibatch three(kSpec, 3), five(kSpec, 5);
  Fill(&three, 100);
  Fill(&five, 200);
  ASSERT_OK(Decode(Reply(&five).SerializeAsString(), {&received_, 3, 5}, &counts_));
  ASSERT_OK(Decode(Reply(&three).SerializeAsString(), {&received_, 0, 3}, &counts_));
  for (int i = 0; i < 8; ++i) {
    Minibatch& part = i < 3 ? three : five;
    const int row = i < 3 ? i : i - 3;
    EXPECT_EQ(std::memcmp(received_.obs() + 3 * i, part.obs() + 3 * row, 12), 0);
    EXPECT_EQ(std::memcmp(received_.action() + 2 * i, part.action() + 2 * row, 8), 0);
    EXPECT_EQ(std::memcmp(received_.next_obs() + 3 * i, part.next_obs() + 3 * row, 12), 0);
    EXPECT_EQ(received_.policy_version()[i], part.policy_version()[row]);
  }
}

TEST_F(BatchCodecTest, WeightsAndKeysComeWithTheirRows) {
  Minibatch sent(kSpec, 8, /*prioritized=*/true), received(kSpec, 8, /*prioritized=*/true);
  Fill(&sent, 300);
  ASSERT_OK(Decode(Reply(&sent).SerializeAsString(), {&received, 0, 8}, &counts_, 7));
  EXPECT_EQ(BatchBytes(&received), BatchBytes(&sent));
  EXPECT_THAT(Decode(Reply(&sent_).SerializeAsString(), {&received, 0, 8}, &counts_),
              FailsWith(kDamaged, "352 bytes of columns, 8 rows have 448"));
}

TEST_F(BatchCodecTest, AWeightThatIsNoneIsDamage) {
  Minibatch sent(kSpec, 8, /*prioritized=*/true), received(kSpec, 8, /*prioritized=*/true);
  Fill(&sent, 300);
  for (const float weight : {0.0f, -0.5f, 1.5f, std::numeric_limits<float>::quiet_NaN()}) {
    sent.weight()[6] = weight;
    EXPECT_THAT(Decode(Reply(&sent).SerializeAsString(), {&received, 0, 8}, &counts_),
                FailsWith(kDamaged, "a weight of"));
  }
}

TEST_F(BatchCodecTest, SequencesComeOutInWhateverPieces) {
  for (const bool prioritized : {false, true}) {
    Minibatch sent = SomeSequences(6, prioritized);
    const std::string bytes = Reply(&sent).SerializeAsString();
    for (const int block : {-1, 1, 7, 64}) {
      Minibatch received(kSpec, {6, 4, prioritized});
      ASSERT_OK(Decode(bytes, {&received, 0, 6}, &counts_, block));
      EXPECT_EQ(BatchBytes(&received), BatchBytes(&sent));
    }
  }
}

TEST_F(BatchCodecTest, SequencesOfTwoShardsMakeOneMinibatch) {
  Minibatch three = SomeSequences(3), five = SomeSequences(5), received(kSpec, {8, 4});
  ASSERT_OK(Decode(Reply(&five).SerializeAsString(), {&received, 3, 5}, &counts_));
  ASSERT_OK(Decode(Reply(&three).SerializeAsString(), {&received, 0, 3}, &counts_));
  const auto same = [](const void* a, const void* b, size_t bytes) {
    return std::memcmp(a, b, bytes) == 0;
  };
  EXPECT_TRUE(same(received.obs(), three.obs(), 3 * 4 * 12));
  EXPECT_TRUE(same(received.obs() + 3 * 12, five.obs(), 5 * 4 * 12));
  EXPECT_TRUE(same(received.reward() + 3 * 4, five.reward(), 5 * 4 * 4));
  EXPECT_TRUE(same(received.length() + 3, five.length(), 5 * 4));
  EXPECT_TRUE(same(received.flags() + 3 * 4, five.flags(), 5 * 4));
}

TEST_F(BatchCodecTest, SequencesThatMakeNoSenseAreDamage) {
  for (const bool reject_nonfinite : {true, false}) {
    Minibatch received(kSpec, {6, 4});
    const auto decode = [&](Minibatch sent) {
      return Decode(Reply(&sent).SerializeAsString(), {&received, 0, 6, reject_nonfinite},
                    &counts_);
    };
    EXPECT_OK(decode(SomeSequences(6)));
    Minibatch sent = SomeSequences(6);
    sent.length()[3] = 0;
    EXPECT_THAT(decode(std::move(sent)),
                FailsWith(kDamaged, "came damaged: a sequence of 0 rows, it must be in [1, 4]"));
    sent = SomeSequences(6);
    sent.length()[5] = 5;
    EXPECT_THAT(decode(std::move(sent)), FailsWith(kDamaged, "a sequence of 5 rows"));
    sent = SomeSequences(6);
    sent.flags()[4] = 8;
    EXPECT_THAT(decode(std::move(sent)), FailsWith(kDamaged, "flags that no row has"));
    sent = SomeSequences(6);
    sent.next_obs()[3 * 5] = 1.0f;
    EXPECT_THAT(decode(std::move(sent)), FailsWith(kDamaged, "not filled up with zeros"));
  }
}

TEST_F(BatchCodecTest, RowsWhereSequencesWereAskedForAreOfAnOlderBuild) {
  Minibatch received(kSpec, {8, 4});
  EXPECT_THAT(Decode(Reply(&sent_).SerializeAsString(), {&received, 0, 8}, &counts_),
              FailsWith(kDamaged,
                        "352 bytes of columns, 8 sequences of 4 rows have 1472; a shard "
                        "of an older build gives none"));
  Minibatch sequences = SomeSequences(8);
  EXPECT_THAT(Decode(Reply(&sequences).SerializeAsString(), {&received_, 0, 8}, &counts_),
              FailsWith(kDamaged, "1472 bytes of columns, 8 rows have 352"));
}

TEST_F(BatchCodecTest, AFlippedBitInSequencesNeverTouchesOthers) {
  Minibatch sent = SomeSequences(3, /*prioritized=*/true);
  const std::string bytes = Reply(&sent).SerializeAsString();
  Minibatch guarded(kSpec, {5, 4, true});
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    const absl::Status status = Decode(flipped, {&guarded, 1, 3}, &counts_);
    ASSERT_TRUE(status.ok() || absl::IsDataLoss(status)) << status;
    if (status.ok()) {
      ASSERT_OK(CheckSequences(guarded, 1, 3));
    }
    for (const int other : {0, 4}) {
      ASSERT_EQ(guarded.length()[other], 0u);
      for (int i = 4 * other; i < 4 * other + 4; ++i) {
        ASSERT_EQ(guarded.flags()[i], 0);
        ASSERT_EQ(guarded.reward()[i], 0.0f);
        ASSERT_EQ(guarded.obs()[3 * i], 0.0f);
        ASSERT_EQ(guarded.next_obs()[3 * i + 2], 0.0f);
      }
    }
  }
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_TRUE(absl::IsDataLoss(Decode(bytes.substr(0, length), {&guarded, 1, 3}, &counts_)));
  }
}

TEST(PrioritiesCodecTest, RowsAndErrorsComeBackAndHalfAKeyIsRefused) {
  const std::vector<RowKey> rows = {{64, 1}, {65, UINT32_MAX}, {UINT32_MAX, 0}};
  const std::vector<float> errors = {0.5f, 0.0f, 7.0f};
  UpdatePrioritiesRequest request;
  EncodePriorities(rows, errors, &request);
  UpdatePrioritiesRequest came;
  ASSERT_TRUE(came.ParseFromString(request.SerializeAsString()));
  const auto back = RowKeysOf(came);
  ASSERT_OK(back);
  EXPECT_EQ(*back, rows);
  EXPECT_EQ(std::vector<float>(came.errors().begin(), came.errors().end()), errors);
  came.mutable_rows()->pop_back();
  EXPECT_THAT(RowKeysOf(came), IsInvalid("23 bytes, no multiple of 8"));
}

TEST_F(BatchCodecTest, CountsAloneNeedNoMinibatch) {
  SampleReply reply;
  reply.set_inserted(5);
  ASSERT_OK(Decode(reply.SerializeAsString(), {}, &counts_));
  EXPECT_EQ(counts_.inserted, 5);
}

TEST_F(BatchCodecTest, AFieldOfALaterVersionIsPassedOver) {
  const std::string later = {static_cast<char>(9 << 3), 42};  // field 9, a varint
  ASSERT_OK(Decode(later + Reply(&sent_).SerializeAsString(), {&received_, 0, 8}, &counts_));
  EXPECT_EQ(BatchBytes(&received_), BatchBytes(&sent_));
}

TEST_F(BatchCodecTest, OtherSizesAreRefusedBeforeAnythingIsRead) {
  const std::string bytes = Reply(&sent_).SerializeAsString();
  const std::string before = BatchBytes(&received_);
  EXPECT_THAT(Decode(bytes, {&received_, 0, 7}, &counts_),
              FailsWith(kDamaged, "8 rows before the columns, 7 were asked for"));
  EXPECT_THAT(Decode(bytes, {}, &counts_), FailsWith(kDamaged, "0 were asked for"));
  Minibatch wider({.obs_dim = 4, .action_dim = 2}, 8);
  EXPECT_THAT(Decode(bytes, {&wider, 0, 8}, &counts_),
              FailsWith(kDamaged, "352 bytes of columns, 8 rows have 416"));
  EXPECT_EQ(BatchBytes(&received_), before);
}

TEST_F(BatchCodecTest, ColumnsThatComeTwiceOrNotAtAllAreRefused) {
  const std::string bytes = Reply(&sent_).SerializeAsString();
  SampleReply bare = Reply(&sent_);
  bare.clear_columns();
  EXPECT_THAT(Decode(bare.SerializeAsString(), {&received_, 0, 8}, &counts_),
              FailsWith(kDamaged, "0 bytes of columns, 8 rows have 352"));
  EXPECT_THAT(Decode(bytes + bytes, {&received_, 0, 8}, &counts_),
              FailsWith(kDamaged, "columns come twice"));
}

TEST_F(BatchCodecTest, ACountBelowZeroIsRefused) {
  SampleReply reply = Reply(&sent_);
  reply.set_size(-1);
  EXPECT_THAT(Decode(reply.SerializeAsString(), {&received_, 0, 8}, &counts_),
              FailsWith(kDamaged, "a count of -1"));
}

TEST_F(BatchCodecTest, EveryTruncationIsDataLoss) {
  const std::string bytes = Reply(&sent_).SerializeAsString();
  for (size_t length = 0; length < bytes.size(); ++length) {
    const absl::Status status = Decode(bytes.substr(0, length), {&received_, 0, 8}, &counts_);
    EXPECT_EQ(status.code(), kDamaged) << length << " bytes";
  }
}

TEST_F(BatchCodecTest, AFlippedBitIsAnotherNumberOrDataLossAndNeverAnotherRow) {
  const std::string bytes = Reply(&sent_).SerializeAsString();
  const size_t head = bytes.size() - PackedBytes(kSpec, 8);
  Minibatch guarded(kSpec, 10);
  const std::string guard = BatchBytes(&guarded);
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    const absl::Status status = Decode(flipped, {&guarded, 1, 8}, &counts_);
    EXPECT_TRUE(status.ok() || absl::IsDataLoss(status)) << status;
    EXPECT_TRUE(status.ok() || bit / 8 < head);
    EXPECT_EQ(std::memcmp(guarded.obs(), guard.data(), 12), 0) << "row 0";
    EXPECT_EQ(std::memcmp(guarded.next_obs() + 27, guard.data(), 12), 0) << "row 9";
  }
}

}  // namespace
}  // namespace pmoe
