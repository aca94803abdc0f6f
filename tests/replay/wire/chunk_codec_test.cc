#include "replay/wire/chunk_codec.h"

#include <gtest/gtest.h>

#include "common/base/bytes.h"
#include "tests/replay/replay_testing.h"

namespace pmoe {
namespace {

constexpr TableSpec kSpec{.obs_dim = 2, .action_dim = 1, .extra_dim = 1};
constexpr auto kDamaged = absl::StatusCode::kDataLoss;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

Chunk Sent() {
  Chunk chunk = MakeChunk(kSpec, {.actor = 3,
                                  .epoch = 2,
                                  .env = 5,
                                  .seq = 1'000'000'007,
                                  .first_step = 321,
                                  .round = 9,
                                  .rows = 3,
                                  .last_of_round = true,
                                  .truncated = true});
  chunk.member = 1;
  return chunk;
}

InsertHello Hello() {
  InsertHello hello;
  hello.set_member(1);
  hello.set_actor(3);
  hello.set_epoch(2);
  return hello;
}

ChunkMessage Encoded(const Chunk& chunk) {
  ChunkMessage message;
  EncodeChunk(chunk, &message);
  return message;
}

// Every field and column, with the columns' lengths.
std::string Bytes(const Chunk& chunk) {
  ByteWriter out;
  for (const uint32_t number : {chunk.member, chunk.actor, chunk.epoch, chunk.env, chunk.rows}) {
    out.Pod(number);
  }
  for (const uint64_t number : {chunk.seq, chunk.first_step, chunk.round}) out.Pod(number);
  out.Pod(static_cast<uint8_t>(chunk.last_of_round));
  for (const auto* column : {&chunk.observations, &chunk.actions, &chunk.rewards, &chunk.extra}) {
    out.Vector(*column);
  }
  for (const auto* column : {&chunk.terminated, &chunk.truncated}) out.Vector(*column);
  out.Vector(chunk.policy_version);
  return out.Take();
}

// A chunk that came whole and that the shard refuses.
absl::Status Refusal(const TableSpec& spec, const Chunk& chunk) {
  const auto decoded = DecodeChunk(InsertHello(), Encoded(chunk));
  EXPECT_OK(decoded);
  return ValidateChunk(spec, {}, *decoded);
}

TEST(ChunkCodecTest, AChunkComesBackAsItWas) {
  const auto back = DecodeChunk(Hello(), Encoded(Sent()));
  ASSERT_OK(back);
  EXPECT_EQ(Bytes(*back), Bytes(Sent()));
}

TEST(ChunkCodecTest, ABareMarkerComesBackAsItWas) {
  const Chunk marker = MakeChunk(kSpec, {.rows = 0, .last_of_round = true});
  const auto back = DecodeChunk(InsertHello(), Encoded(marker));
  ASSERT_OK(back);
  EXPECT_EQ(Bytes(*back), Bytes(marker));
}

TEST(ChunkCodecTest, RefusesAChunkOfAnotherWriter) {
  for (const auto change :
       {&InsertHello::set_member, &InsertHello::set_actor, &InsertHello::set_epoch}) {
    InsertHello hello = Hello();
    (hello.*change)(7);
    EXPECT_THAT(DecodeChunk(hello, Encoded(Sent())), FailsWith(kDamaged, "CRC32C"));
  }
}

// A varint of true has spare bits: what still decodes must be the same chunk.
TEST(ChunkCodecTest, NoFlippedBitChangesAChunkUnseen) {
  const std::string sent = Encoded(Sent()).SerializeAsString();
  size_t refused = 0;
  for (size_t bit = 0; bit < 8 * sent.size(); ++bit) {
    std::string bytes = sent;
    bytes[bit / 8] ^= static_cast<char>(1 << (bit % 8));
    ChunkMessage message;
    if (!message.ParseFromString(bytes)) {
      ++refused;
      continue;
    }
    const auto chunk = DecodeChunk(Hello(), message);
    refused += !chunk.ok();
    ASSERT_EQ(chunk.ok() ? Bytes(*chunk) : Bytes(Sent()), Bytes(Sent())) << bit;
    ASSERT_TRUE(chunk.ok() || absl::IsDataLoss(chunk.status())) << chunk.status();
  }
  EXPECT_GE(refused, 8 * sent.size() - 6);
}

TEST(ChunkCodecTest, RefusesEveryTruncation) {
  const std::string sent = Encoded(Sent()).SerializeAsString();
  for (size_t n = 0; n < sent.size(); ++n) {
    ChunkMessage message;
    const bool parsed = message.ParseFromString(sent.substr(0, n));
    EXPECT_FALSE(parsed && DecodeChunk(Hello(), message).ok()) << n;
  }
}

TEST(ChunkCodecTest, AWholeChunkThatIsTooLongIsTheShardsToRefuse) {
  Chunk chunk = MakeChunk(kSpec, {.rows = 65});
  EXPECT_THAT(Refusal(kSpec, chunk), FailsWith(kInvalid, "rows must be <= 64, got 65"));
  chunk.rows = UINT32_MAX;
  EXPECT_THAT(Refusal(kSpec, chunk), FailsWith(kInvalid, "rows"));
}

TEST(ChunkCodecTest, TheColumnsOfAnotherTableAreTheShardsToRefuse) {
  const TableSpec other{.obs_dim = 3, .action_dim = 1, .extra_dim = 1};
  Chunk sent = Sent();
  sent.member = sent.actor = sent.epoch = 0;
  EXPECT_THAT(Refusal(other, sent), FailsWith(kInvalid, "observations"));
}

}  // namespace
}  // namespace pmoe
