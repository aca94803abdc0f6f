#include "replay/wire/chunk_codec.h"

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "common/base/crc32c.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

std::string Name(const InsertHello& writer, const ChunkMessage& message) {
  return absl::StrCat("chunk of actor ", writer.actor(), " epoch ", writer.epoch(), " env ",
                      message.env(), " seq ", message.seq());
}

uint32_t AddColumn(const std::string& column, uint32_t crc) {
  const uint64_t bytes = column.size();
  return Crc32c(column, Crc32c({reinterpret_cast<const char*>(&bytes), sizeof(bytes)}, crc));
}

template <typename T>
void Put(const std::vector<T>& values, std::string* column) {
  column->assign(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

template <typename T>
absl::Status Get(absl::string_view name, const std::string& column, std::vector<T>* values) {
  if (column.size() % sizeof(T) != 0) {
    return absl::InvalidArgumentError(absl::StrCat(name, " holds ", column.size(),
                                                   " bytes, which is no multiple of ", sizeof(T)));
  }
  values->resize(column.size() / sizeof(T));
  if (!column.empty()) std::memcpy(values->data(), column.data(), column.size());
  return absl::OkStatus();
}

absl::Status GetColumns(const ChunkMessage& message, Chunk* chunk) {
  PMOE_RETURN_IF_ERROR(Get("observations", message.observations(), &chunk->observations));
  PMOE_RETURN_IF_ERROR(Get("actions", message.actions(), &chunk->actions));
  PMOE_RETURN_IF_ERROR(Get("rewards", message.rewards(), &chunk->rewards));
  PMOE_RETURN_IF_ERROR(Get("terminated", message.terminated(), &chunk->terminated));
  PMOE_RETURN_IF_ERROR(Get("truncated", message.truncated(), &chunk->truncated));
  PMOE_RETURN_IF_ERROR(Get("policy_version", message.policy_version(), &chunk->policy_version));
  return Get("extra", message.extra(), &chunk->extra);
}

}  // namespace

uint32_t ChunkCrc(const InsertHello& hello, const ChunkMessage& message) {
  ByteWriter head;
  head.Pod(static_cast<uint32_t>(hello.member()));
  head.Pod(static_cast<uint32_t>(hello.actor()));
  head.Pod(static_cast<uint32_t>(hello.epoch()));
  head.Pod(static_cast<uint64_t>(message.seq()));
  head.Pod(static_cast<uint32_t>(message.env()));
  head.Pod(static_cast<uint64_t>(message.first_step()));
  head.Pod(static_cast<uint64_t>(message.round()));
  head.Pod(static_cast<uint8_t>(message.last_of_round()));
  head.Pod(static_cast<uint32_t>(message.rows()));
  uint32_t crc = Crc32c(head.bytes());
  for (const std::string* column :
       {&message.observations(), &message.actions(), &message.rewards(), &message.terminated(),
        &message.truncated(), &message.policy_version(), &message.extra()}) {
    crc = AddColumn(*column, crc);
  }
  return crc;
}

void EncodeChunk(const Chunk& chunk, ChunkMessage* message) {
  message->set_seq(chunk.seq);
  message->set_env(chunk.env);
  message->set_first_step(chunk.first_step);
  message->set_round(chunk.round);
  message->set_last_of_round(chunk.last_of_round);
  message->set_rows(chunk.rows);
  Put(chunk.observations, message->mutable_observations());
  Put(chunk.actions, message->mutable_actions());
  Put(chunk.rewards, message->mutable_rewards());
  Put(chunk.terminated, message->mutable_terminated());
  Put(chunk.truncated, message->mutable_truncated());
  Put(chunk.policy_version, message->mutable_policy_version());
  Put(chunk.extra, message->mutable_extra());
  InsertHello hello;
  hello.set_member(chunk.member);
  hello.set_actor(chunk.actor);
  hello.set_epoch(chunk.epoch);
  message->set_crc32c(ChunkCrc(hello, *message));
}

absl::StatusOr<Chunk> DecodeChunk(const InsertHello& hello, const ChunkMessage& message) {
  if (ChunkCrc(hello, message) != message.crc32c()) {
    return absl::DataLossError(absl::StrCat(
        Name(hello, message), " is damaged: its CRC32C differs; the writer has to send it again"));
  }
  Chunk chunk;
  chunk.member = hello.member();
  chunk.actor = hello.actor();
  chunk.epoch = hello.epoch();
  chunk.seq = message.seq();
  chunk.env = message.env();
  chunk.first_step = message.first_step();
  chunk.round = message.round();
  chunk.last_of_round = message.last_of_round();
  chunk.rows = message.rows();
  const absl::Status columns = GetColumns(message, &chunk);
  if (!columns.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(Name(hello, message), ": ", columns.message()));
  }
  return chunk;
}

}  // namespace pmoe
