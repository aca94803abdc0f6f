// Reading a RolloutQueue for people and checkers, and saving and loading it. A file may be damaged
// in ways that its CRCs cannot tell, so nothing is believed that a later take depends on.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "replay/core/rollout_queue.h"

namespace pmoe {
namespace {

constexpr int kNamed = 4;  // streams that a message lists

}  // namespace

int64_t RolloutQueue::bytes() const {
  size_t bytes = 0;
  for (const auto& [key, stream] : streams_) {
    for (const Piece& piece : stream.pieces) bytes += ChunkBytes(piece.chunk);
  }
  return static_cast<int64_t>(bytes);
}

std::string RolloutQueue::ExplainTake(const RolloutRequest& request) const {
  int64_t owed = request.steps;
  for (const auto& [key, stream] : streams_) {
    if (!stream.live) owed -= Available(stream, request.version_max);
  }
  const int64_t live = LiveStreams();
  std::string text = absl::StrCat(size_, " rows wait for a rollout of ", request.steps, " from ",
                                  live, " environments");
  if (request.version_max != UINT32_MAX) {
    absl::StrAppend(&text, " with versions up to ", request.version_max);
  }
  if (dropped_ > 0) absl::StrAppend(&text, ", ", dropped_, " were too old");
  if (owed <= 0) return text;
  if (live == 0) return absl::StrCat(text, "; none of them sends rows");
  const int64_t share = (owed + live - 1) / live;
  int lacking = 0;
  for (const auto& [key, stream] : streams_) {
    const int64_t rows = Available(stream, request.version_max);
    if (!stream.live || rows >= share || ++lacking > kNamed) continue;
    absl::StrAppend(&text, lacking == 1 ? "; " : ", ", Name(key), " has ", rows, " of ", share,
                    stream.rows > rows ? " and then newer ones" : "");
  }
  if (lacking > kNamed) absl::StrAppend(&text, " and ", lacking - kNamed, " more");
  return text;
}

std::string RolloutQueue::ExplainInsert() const {
  if (const int64_t dead = DeadRows(); dead >= rows_max()) {
    return absl::StrCat(dead, " rows of actors that are gone wait to be taken, at most ",
                        rows_max(), " may");
  }
  const auto fewer = [](const auto& a, const auto& b) { return a.second.rows < b.second.rows; };
  const auto fullest = std::max_element(streams_.begin(), streams_.end(), fewer);
  const int64_t quota = Quota();
  return absl::StrCat(size_, " rows wait to be taken; each of ", LiveStreams(),
                      " environments may hold (1 + max_lag ", options_.max_lag, ") * ", quota,
                      " = ", (1 + options_.max_lag) * quota, ", ",
                      fullest == streams_.end()
                          ? "and none does"
                          : absl::StrCat(Name(fullest->first), " has ", fullest->second.rows));
}

void RolloutQueue::VisitSteps(const std::function<void(const StoredStep&)>& visit) const {
  const auto span = [](const std::vector<float>& column, size_t row, int width) {
    const size_t w = static_cast<size_t>(width);
    return absl::MakeConstSpan(column).subspan(row * w, w);
  };
  for (const auto& [key, stream] : streams_) {
    for (const Piece& piece : stream.pieces) {
      const Chunk& chunk = piece.chunk;
      for (uint32_t i = piece.taken; i < chunk.rows; ++i) {
        const Transition row = {.obs = span(chunk.observations, i, spec_.obs_dim),
                                .action = span(chunk.actions, i, spec_.action_dim),
                                .reward = chunk.rewards[i],
                                .terminated = chunk.terminated[i] != 0,
                                .truncated = chunk.truncated[i] != 0,
                                .next_obs = span(chunk.observations, i + 1, spec_.obs_dim),
                                .policy_version = chunk.policy_version[i],
                                .extra = span(chunk.extra, i, spec_.extra_dim)};
        visit({key.member, key.actor, key.epoch, key.env, chunk.first_step + i, row});
      }
    }
  }
}

std::string RolloutQueue::SaveIndex() const {
  ByteWriter out;
  out.Pod(spec_.obs_dim);
  out.Pod(spec_.action_dim);
  out.Pod(spec_.extra_dim);
  out.Pod(inserted_);
  out.Pod(dropped_);
  out.Pod(static_cast<uint64_t>(epochs_.size()));
  for (const auto& [actor, epoch] : epochs_) {
    out.Pod(actor.first);
    out.Pod(actor.second);
    out.Pod(epoch);
  }
  uint64_t pieces = 0;
  out.Pod(static_cast<uint64_t>(streams_.size()));
  for (const auto& [key, stream] : streams_) {
    out.Pod(key);
    out.Pod(static_cast<uint8_t>(stream.live));
    out.Pod(stream.next_step);
    out.Vector(stream.head);
    pieces += stream.pieces.size();
  }
  out.Pod(pieces);
  return out.Take();
}

absl::Status RolloutQueue::Save(BlockFileWriter* out) const {
  PMOE_RETURN_IF_ERROR(out->Write(kQueueBlock, {SaveIndex()}));
  for (const auto& [key, stream] : streams_) {
    for (const Piece& piece : stream.pieces) {
      ByteWriter bytes;
      bytes.Pod(piece.taken);
      SaveChunk(piece.chunk, &bytes);
      PMOE_RETURN_IF_ERROR(out->Write(kQueuePieceBlock, {bytes.bytes()}));
    }
  }
  return absl::OkStatus();
}

absl::Status RolloutQueue::Load(const BlockFileReader::Block& first, BlockFileReader* in) {
  if (first.type != kQueueBlock) return in->Bad("has no rollout queue where one must be");
  RolloutQueue loaded(spec_, options_);
  uint64_t pieces = 0;
  PMOE_RETURN_IF_ERROR(loaded.LoadIndex(first.payload, *in, &pieces));
  if (loaded.spec_ != spec_) {
    return absl::FailedPreconditionError("the saved rollout queue has other columns");
  }
  for (; pieces > 0; --pieces) {
    PMOE_ASSIGN_OR_RETURN(const BlockFileReader::Block block, in->Next());
    if (block.type != kQueuePieceBlock || !loaded.LoadPiece(block.payload)) {
      return in->Bad("has bad rows in its rollout queue");
    }
  }
  loaded.EraseEnded();
  loaded.room_grew_ = true;
  *this = std::move(loaded);
  return absl::OkStatus();
}

absl::StatusOr<RolloutQueue> RolloutQueue::FromFile(const std::string& path) {
  PMOE_ASSIGN_OR_RETURN(const auto file, BlockFileReader::Open(path));
  PMOE_ASSIGN_OR_RETURN(BlockFileReader::Block block, file->Next());
  while (block.type != kQueueBlock) {
    if (block.type == kEndBlock) return absl::NotFoundError(path + " holds no rollout queue");
    PMOE_ASSIGN_OR_RETURN(block, file->Next());
  }
  RolloutQueue index({}, {.rollout_steps = 1});
  uint64_t pieces = 0;
  PMOE_RETURN_IF_ERROR(index.LoadIndex(block.payload, *file, &pieces));
  RolloutQueue queue(index.spec_, {.rollout_steps = 1});
  PMOE_RETURN_IF_ERROR(queue.Load(block, file.get()));
  return queue;
}

absl::Status RolloutQueue::LoadIndex(absl::string_view bytes, const BlockFileReader& file,
                                     uint64_t* pieces) {
  ByteReader in(bytes);
  in.Pod(&spec_.obs_dim);
  in.Pod(&spec_.action_dim);
  in.Pod(&spec_.extra_dim);
  in.Pod(&inserted_);
  in.Pod(&dropped_);
  uint64_t actors = 0;
  in.Pod(&actors);
  for (uint64_t i = 0; i < actors && in.ok(); ++i) {
    ActorKey actor;
    uint32_t epoch = 0;
    in.Pod(&actor.first);
    in.Pod(&actor.second);
    in.Pod(&epoch);
    epochs_[actor] = epoch;
  }
  LoadStreams(&in);
  in.Pod(pieces);
  PMOE_RETURN_IF_ERROR(in.Finish("the rollout queue block"));
  const auto is_width = [](int width, int least) { return width >= least && width <= 1 << 16; };
  bool sound = inserted_ >= 0 && dropped_ >= 0 && is_width(spec_.obs_dim, 1) &&
               is_width(spec_.action_dim, 1) && is_width(spec_.extra_dim, 0);
  for (const auto& [key, stream] : streams_) {
    const auto epoch = epochs_.find({key.member, key.actor});
    sound = sound && epoch != epochs_.end() &&
            (stream.live ? key.epoch == epoch->second : key.epoch <= epoch->second) &&
            (stream.head.empty() || stream.head.size() == static_cast<size_t>(spec_.obs_dim));
  }
  return sound ? absl::OkStatus() : file.Bad("has a bad rollout queue");
}

void RolloutQueue::LoadStreams(ByteReader* in) {
  uint64_t count = 0;
  in->Pod(&count);
  for (uint64_t i = 0; i < count && in->ok(); ++i) {
    StreamKey key{};
    Stream stream;
    uint8_t live = 0;
    in->Pod(&key);
    in->Pod(&live);
    in->Pod(&stream.next_step);
    in->Vector(&stream.head);
    stream.live = live != 0;
    streams_[key] = std::move(stream);
  }
}

bool RolloutQueue::LoadPiece(absl::string_view payload) {
  ByteReader in(payload);
  Piece piece;
  in.Pod(&piece.taken);
  piece.chunk = LoadChunk(&in);
  const Chunk& chunk = piece.chunk;
  if (!in.ok() || in.remaining() != 0 || !ValidateChunk(spec_, chunk).ok()) return false;
  if (piece.taken >= chunk.rows ||
      std::count(chunk.policy_version.begin(), chunk.policy_version.end(), piece.version()) !=
          static_cast<int64_t>(chunk.rows)) {
    return false;
  }
  const auto stream = streams_.find(Key(chunk));
  if (stream == streams_.end()) return false;
  std::deque<Piece>& pieces = stream->second.pieces;
  if (!pieces.empty() &&
      chunk.first_step < pieces.back().chunk.first_step + pieces.back().chunk.rows) {
    return false;
  }
  if (chunk.first_step + chunk.rows > stream->second.next_step) return false;
  stream->second.rows += piece.rows();
  size_ += piece.rows();
  pieces.push_back(std::move(piece));
  return true;
}

}  // namespace pmoe
