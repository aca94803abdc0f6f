#include "replay/wire/chunk_codec.h"

#include <gtest/gtest.h>

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

std::string Saved(const Chunk& chunk) {
  ByteWriter out;
  SaveChunk(chunk, &out);
  return out.Take();
}

TEST(ChunkCodecTest, AChunkComesBackAsItWas) {
  const auto back = DecodeChunk(kSpec, Hello(), Encoded(Sent()));
  ASSERT_OK(back);
  EXPECT_EQ(Saved(*back), Saved(Sent()));
}

TEST(ChunkCodecTest, ABareMarkerComesBackAsItWas) {
  const Chunk marker = MakeChunk(kSpec, {.rows = 0, .last_of_round = true});
  const auto back = DecodeChunk(kSpec, InsertHello(), Encoded(marker));
  ASSERT_OK(back);
  EXPECT_EQ(Saved(*back), Saved(marker));
}

TEST(ChunkCodecTest, RefusesAChunkOfAnotherWriter) {
  for (const auto change :
       {&InsertHello::set_member, &InsertHello::set_actor, &InsertHello::set_epoch}) {
    InsertHello hello = Hello();
    (hello.*change)(7);
    EXPECT_THAT(DecodeChunk(kSpec, hello, Encoded(Sent())), FailsWith(kDamaged, "CRC32C"));
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
    const auto chunk = DecodeChunk(kSpec, Hello(), message);
    refused += !chunk.ok();
    ASSERT_EQ(chunk.ok() ? Saved(*chunk) : Saved(Sent()), Saved(Sent())) << bit;
    ASSERT_TRUE(chunk.ok() || absl::IsDataLoss(chunk.status())) << chunk.status();
  }
  EXPECT_GE(refused, 8 * sent.size() - 6);
}

TEST(ChunkCodecTest, RefusesEveryTruncation) {
  const std::string sent = Encoded(Sent()).SerializeAsString();
  for (size_t n = 0; n < sent.size(); ++n) {
    ChunkMessage message;
    const bool parsed = message.ParseFromString(sent.substr(0, n));
    EXPECT_FALSE(parsed && DecodeChunk(kSpec, Hello(), message).ok()) << n;
  }
}

TEST(ChunkCodecTest, RefusesAWholeChunkThatIsTooLong) {
  Chunk chunk = MakeChunk(kSpec, {.rows = 65});
  EXPECT_THAT(DecodeChunk(kSpec, InsertHello(), Encoded(chunk)),
              FailsWith(kInvalid, "rows must be <= 64, got 65"));
  chunk.rows = UINT32_MAX;
  EXPECT_THAT(DecodeChunk(kSpec, InsertHello(), Encoded(chunk)), FailsWith(kInvalid, "rows"));
}

TEST(ChunkCodecTest, RefusesTheColumnsOfAnotherTable) {
  const TableSpec other{.obs_dim = 3, .action_dim = 1, .extra_dim = 1};
  EXPECT_THAT(DecodeChunk(other, Hello(), Encoded(Sent())), FailsWith(kInvalid, "observations"));
}

}  // namespace
}  // namespace pmoe
