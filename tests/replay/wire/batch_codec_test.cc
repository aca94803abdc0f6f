// Minibatches to bytes and back, and what damaged bytes do.
#include "replay/wire/batch_codec.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "common/base/rng.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "proto/replay.pb.h"
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
  fill(batch->obs(), batch->size() * batch->spec().obs_dim);
  fill(batch->action(), batch->size() * batch->spec().action_dim);
  fill(batch->reward(), batch->size());
  fill(batch->discount(), batch->size());
  fill(batch->next_obs(), batch->size() * batch->spec().obs_dim);
  fill(batch->policy_version(), batch->size());
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
