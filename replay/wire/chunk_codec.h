// A chunk as it travels: ChunkMessage, whose CRC32C goes over the names of the writer that the
// stream's hello gave (member, actor, epoch), every field and every column, so that a chunk cannot
// be taken for another one. Knows protobuf, not gRPC. Pure functions.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "proto/replay.pb.h"
#include "replay/core/chunk.h"

namespace pmoe {

// The checksum of a chunk of the writer that said `hello`. It covers, little endian and without
// padding: u32 member, u32 actor, u32 epoch, u64 seq, u32 env, u64 first_step, u64 round, u8
// last_of_round, u32 rows; then for each column in the order of the message u64 bytes and the
// bytes.
uint32_t ChunkCrc(const InsertHello& hello, const ChunkMessage& message);

// Fills the message, checksum included.
void EncodeChunk(const Chunk& chunk, ChunkMessage* message);

// The chunk of the writer that said `hello`. Allocates no more than the bytes that have come.
// DataLossError: the checksum differs. InvalidArgumentError: a column is not made of whole values.
// The shard checks the rest (ValidateChunk).
absl::StatusOr<Chunk> DecodeChunk(const InsertHello& hello, const ChunkMessage& message);

}  // namespace pmoe
