#include "replay/core/journal_record.h"

#include <cstring>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"

namespace pmoe {
namespace {

enum Kind : uint8_t {
  kBegun = 1,
  kHello = 2,
  kChunk = 3,
  kCut = 4,
  kAged = 5,
  kTaken = 6,
  kSampled = 7,
  kRefused = 8,
};

constexpr size_t kRowsAt = 1;  // in a chunk's record

template <typename... Fields>
std::string Encode(Kind kind, const Fields&... fields) {
  ByteWriter out;
  out.Pod(kind);
  (out.Pod(fields), ...);
  return out.Take();
}

template <typename T>
void Put(const std::vector<T>& column, std::string* out) {
  out->append(reinterpret_cast<const char*>(column.data()), column.size() * sizeof(T));
}

template <typename T>
void Get(size_t count, ByteReader* in, std::vector<T>* column) {
  column->resize(count);
  if (count > 0) in->Raw(column->data(), count * sizeof(T));
}

size_t ColumnBytes(const TableSpec& spec, size_t rows) {
  const size_t observations = rows > 0 ? rows + 1 : 0;
  const size_t values = observations * static_cast<size_t>(spec.obs_dim) +
                        rows * static_cast<size_t>(spec.action_dim + spec.extra_dim + 2);
  return sizeof(float) * values + 2 * rows;  // with reward and version; and the two flags
}

// nullopt: not of such a chunk's size.
std::optional<Chunk> DecodeChunk(const TableSpec& spec, ByteReader* in) {
  Chunk chunk;
  in->Pod(&chunk.rows);
  in->Pod(&chunk.member);
  in->Pod(&chunk.actor);
  in->Pod(&chunk.epoch);
  in->Pod(&chunk.seq);
  in->Pod(&chunk.env);
  in->Pod(&chunk.first_step);
  const size_t rows = chunk.rows;
  if (rows > static_cast<size_t>(kPageRows) || in->remaining() != ColumnBytes(spec, rows)) {
    return std::nullopt;
  }
  chunk.last_of_round = rows == 0;  // nothing else is without rows
  const auto width = [](int columns) { return static_cast<size_t>(columns); };
  Get((rows > 0 ? rows + 1 : 0) * width(spec.obs_dim), in, &chunk.observations);
  Get(rows * width(spec.action_dim), in, &chunk.actions);
  Get(rows, in, &chunk.rewards);
  Get(rows, in, &chunk.terminated);
  Get(rows, in, &chunk.truncated);
  Get(rows, in, &chunk.policy_version);
  Get(rows * width(spec.extra_dim), in, &chunk.extra);
  return chunk;
}

WriterHello DecodeHello(ByteReader* in) {
  WriterHello hello;
  in->Pod(&hello.member);
  in->Pod(&hello.actor);
  in->Pod(&hello.epoch);
  in->Pod(&hello.first_seq_held);
  in->Pod(&hello.rows_acked);
  return hello;
}

RolloutTaken DecodeTaken(ByteReader* in) {
  RolloutTaken taken;
  in->Pod(&taken.ticket.learner_epoch);
  in->Pod(&taken.ticket.id);
  in->Pod(&taken.request.steps);
  in->Pod(&taken.request.version_min);
  in->Pod(&taken.request.version_max);
  return taken;
}

ChunkRefused DecodeRefused(ByteReader* in) {
  ChunkRefused refused;
  in->Pod(&refused.member);
  in->Pod(&refused.actor);
  in->Pod(&refused.epoch);
  in->Pod(&refused.seq);
  in->Pod(&refused.rows);
  return refused;
}

// nullopt: of no kind that is known, or a chunk of other columns.
std::optional<JournalRecord> Decode(uint8_t kind, const TableSpec& spec, ByteReader* in) {
  ActorCut cut;
  RowsAged aged;
  RowsSampled sampled;
  switch (kind) {
    case kBegun:
      return TableBegun{};
    case kHello:
      return DecodeHello(in);
    case kChunk:
      if (std::optional<Chunk> chunk = DecodeChunk(spec, in); chunk.has_value()) {
        return *std::move(chunk);
      }
      return std::nullopt;
    case kCut:
      in->Pod(&cut.member);
      in->Pod(&cut.actor);
      return cut;
    case kAged:
      in->Pod(&aged.version_min);
      return aged;
    case kTaken:
      return DecodeTaken(in);
    case kSampled:
      in->Pod(&sampled.total);
      return sampled;
    case kRefused:
      return DecodeRefused(in);
    default:
      return std::nullopt;
  }
}

}  // namespace

std::string EncodeRecord(const TableBegun&) { return Encode(kBegun); }

std::string EncodeRecord(const WriterHello& hello) {
  return Encode(kHello, hello.member, hello.actor, hello.epoch, hello.first_seq_held,
                hello.rows_acked);
}

// Under the shard's lock: each byte is written once.
std::string EncodeRecord(const Chunk& chunk) {
  const std::string head = Encode(kChunk, chunk.rows, chunk.member, chunk.actor, chunk.epoch,
                                  chunk.seq, chunk.env, chunk.first_step);
  const auto bytes = [](const auto& column) { return column.size() * sizeof(column[0]); };
  std::string record;
  record.reserve(head.size() + bytes(chunk.observations) + bytes(chunk.actions) +
                 bytes(chunk.rewards) + bytes(chunk.terminated) + bytes(chunk.truncated) +
                 bytes(chunk.policy_version) + bytes(chunk.extra));
  record.append(head);
  Put(chunk.observations, &record);
  Put(chunk.actions, &record);
  Put(chunk.rewards, &record);
  Put(chunk.terminated, &record);
  Put(chunk.truncated, &record);
  Put(chunk.policy_version, &record);
  Put(chunk.extra, &record);
  return record;
}

std::string EncodeRecord(const ActorCut& cut) { return Encode(kCut, cut.member, cut.actor); }

std::string EncodeRecord(const RowsAged& aged) { return Encode(kAged, aged.version_min); }

std::string EncodeRecord(const RolloutTaken& taken) {
  return Encode(kTaken, taken.ticket.learner_epoch, taken.ticket.id, taken.request.steps,
                taken.request.version_min, taken.request.version_max);
}

std::string EncodeRecord(const RowsSampled& sampled) { return Encode(kSampled, sampled.total); }

std::string EncodeRecord(const ChunkRefused& refused) {
  return Encode(kRefused, refused.member, refused.actor, refused.epoch, refused.seq, refused.rows);
}

absl::StatusOr<JournalRecord> DecodeRecord(const TableSpec& spec, absl::string_view bytes) {
  ByteReader in(bytes);
  uint8_t kind = 0;
  in.Pod(&kind);
  std::optional<JournalRecord> record = Decode(kind, spec, &in);
  if (!record.has_value()) {
    return absl::DataLossError(
        absl::StrCat("a record of the log is of no known kind or size: ", kind));
  }
  const absl::Status whole = in.Finish("a record of the log");
  if (!whole.ok()) return whole;
  return *std::move(record);
}

uint32_t RowsOfRecord(absl::string_view bytes) {
  uint32_t rows = 0;
  if (bytes.size() < kRowsAt + sizeof(rows) || bytes[0] != kChunk) return 0;
  std::memcpy(&rows, bytes.data() + kRowsAt, sizeof(rows));
  return rows <= static_cast<uint32_t>(kPageRows) ? rows : 0;
}

bool BeginsTable(absl::string_view bytes) { return !bytes.empty() && bytes[0] == kBegun; }

}  // namespace pmoe
