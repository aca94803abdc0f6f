#include "replay/core/rollout_queue.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

// Rows by which a stream may go beyond its limit while another one of its actor lacks rows. An
// actor steps its environments together, so that honest ones differ by a few chunks.
constexpr int64_t kSkewRows = 16 * kPageRows;
constexpr int64_t kRolloutRowsMax = int64_t{1} << 26;
constexpr int kLagMax = 1024;

// Rows [begin, end) of a chunk, as a chunk.
Chunk Slice(const TableSpec& spec, const Chunk& chunk, uint32_t begin, uint32_t end) {
  const auto cut = [=](const auto& column, int width, uint32_t beyond) {
    const auto at = [&](uint32_t row) {
      return column.begin() + static_cast<ptrdiff_t>(size_t{row} * static_cast<size_t>(width));
    };
    return std::decay_t<decltype(column)>(at(begin), at(end + beyond));
  };
  Chunk slice;
  slice.member = chunk.member;
  slice.actor = chunk.actor;
  slice.epoch = chunk.epoch;
  slice.env = chunk.env;
  slice.first_step = chunk.first_step + begin;
  slice.rows = end - begin;
  slice.observations = cut(chunk.observations, spec.obs_dim, 1);
  slice.actions = cut(chunk.actions, spec.action_dim, 0);
  slice.rewards = cut(chunk.rewards, 1, 0);
  slice.terminated = cut(chunk.terminated, 1, 0);
  slice.truncated = cut(chunk.truncated, 1, 0);
  slice.policy_version = cut(chunk.policy_version, 1, 0);
  slice.extra = cut(chunk.extra, spec.extra_dim, 0);
  return slice;
}

template <typename T>
void AppendRows(const std::vector<T>& column, uint32_t begin, uint32_t rows, int width,
                std::vector<T>* out) {
  const auto from = column.begin() + static_cast<ptrdiff_t>(begin) * width;
  out->insert(out->end(), from, from + static_cast<ptrdiff_t>(rows) * width);
}

bool EndsEpisode(const Chunk& chunk) {
  return (chunk.terminated.back() | chunk.truncated.back()) != 0;
}

}  // namespace

absl::Status RolloutQueueOptions::Validate() const {
  if (rollout_steps < 1 || rollout_steps > kRolloutRowsMax) {
    return absl::InvalidArgumentError(absl::StrCat("rollout_steps must be in [1, ", kRolloutRowsMax,
                                                   "], got ", rollout_steps,
                                                   "; PPO usually wants 2048"));
  }
  if (max_lag >= 0 && max_lag <= kLagMax) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("max_lag must be in [0, ", kLagMax, "], got ",
                                                 max_lag, "; PPO usually wants 1"));
}

RolloutQueue::RolloutQueue(const TableSpec& spec, const RolloutQueueOptions& options)
    : spec_(spec), options_(options) {
  PMOE_CHECK(options.Validate().ok());
}

RolloutQueue::StreamKey RolloutQueue::Key(const Chunk& chunk) {
  return {chunk.member, chunk.actor, chunk.env, chunk.epoch};
}

std::string RolloutQueue::Name(const StreamKey& key) {
  return absl::StrCat("actor ", key.actor, " env ", key.env);
}

int64_t RolloutQueue::LiveStreams() const {
  return std::count_if(streams_.begin(), streams_.end(),
                       [](const auto& entry) { return entry.second.live; });
}

int64_t RolloutQueue::DeadRows() const {
  int64_t rows = 0;
  for (const auto& [key, stream] : streams_) rows += stream.live ? 0 : stream.rows;
  return rows;
}

int64_t RolloutQueue::Quota() const {
  const int64_t live = std::max<int64_t>(1, LiveStreams());
  return (options_.rollout_steps + live - 1) / live;
}

// Why nobody waits for ever: a take wants at most Quota() rows of a live stream, or none when the
// rows of ended streams fill it, and only actors whose streams all have as many are held back.
bool RolloutQueue::CanInsert(const Chunk& chunk) const {
  if (chunk.rows == 0) return true;
  if (DeadRows() >= rows_max()) return false;
  const auto found = streams_.find(Key(chunk));
  if (found == streams_.end() || !found->second.live) return true;
  const int64_t quota = Quota();
  const int64_t limit = quota * (1 + options_.max_lag);
  const int64_t held = found->second.rows;
  if (held + chunk.rows <= limit) return true;
  if (held >= limit + kSkewRows) return false;
  const auto lacks_rows = [&](const auto& entry) {
    return entry.first.epoch == chunk.epoch && entry.second.live && entry.second.rows < quota;
  };
  return std::any_of(streams_.lower_bound({chunk.member, chunk.actor, 0, 0}),
                     streams_.upper_bound({chunk.member, chunk.actor, UINT32_MAX, UINT32_MAX}),
                     lacks_rows);
}

absl::Status RolloutQueue::CheckContinues(const Chunk& chunk, const Stream& stream) const {
  if (chunk.first_step < stream.next_step) {
    return absl::AlreadyExistsError(absl::StrCat(Name(Key(chunk)), " step ", chunk.first_step,
                                                 " came before; the next step of this stream is ",
                                                 stream.next_step));
  }
  if (chunk.first_step > stream.next_step || stream.head.empty()) return absl::OkStatus();
  if (std::memcmp(stream.head.data(), chunk.observations.data(),
                  stream.head.size() * sizeof(float)) == 0) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      Name(Key(chunk)), " step ", chunk.first_step,
      ": the first observation is not the successor of the step before; a writer must end the "
      "episode or skip a step number where it loses one"));
}

absl::Status RolloutQueue::CheckAppend(const Chunk& chunk) const {
  const auto epoch = epochs_.find({chunk.member, chunk.actor});
  if (epoch != epochs_.end() && chunk.epoch < epoch->second) {
    return absl::FailedPreconditionError(
        absl::StrCat(Name(Key(chunk)), " is of epoch ", chunk.epoch, ", but epoch ", epoch->second,
                     " has taken this actor's place; it must stop"));
  }
  const auto found = streams_.find(Key(chunk));
  if (found != streams_.end()) PMOE_RETURN_IF_ERROR(CheckContinues(chunk, found->second));
  if (found != streams_.end() && found->second.live) return absl::OkStatus();
  const int64_t others = std::count_if(streams_.begin(), streams_.end(), [&](const auto& entry) {
    const StreamKey& key = entry.first;
    const bool ends =
        key.member == chunk.member && key.actor == chunk.actor && key.epoch < chunk.epoch;
    return entry.second.live && !ends;
  });
  if (others < options_.rollout_steps) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "a rollout of ", options_.rollout_steps, " rows has none for ", Name(Key(chunk)), " beside ",
      others, " other environments; take longer rollouts or run fewer environments"));
}

absl::Status RolloutQueue::Append(const Chunk& chunk) {
  PMOE_RETURN_IF_ERROR(ValidateChunk(spec_, chunk));
  if (chunk.rows == 0) return absl::OkStatus();
  PMOE_RETURN_IF_ERROR(CheckAppend(chunk));
  uint32_t& epoch = epochs_.try_emplace({chunk.member, chunk.actor}, chunk.epoch).first->second;
  if (chunk.epoch > epoch) CutActor(chunk.member, chunk.actor);
  epoch = chunk.epoch;

  const auto [entry, is_new] = streams_.try_emplace(Key(chunk));
  Stream& stream = entry->second;
  room_grew_ |= is_new || !stream.live;  // one that lacks rows, or whose rows do not count as dead
  stream.live = true;
  stream.next_step = chunk.first_step + chunk.rows;
  stream.head.clear();
  if (!EndsEpisode(chunk))
    stream.head.assign(chunk.observations.end() - spec_.obs_dim, chunk.observations.end());
  inserted_ += chunk.rows;
  for (uint32_t begin = 0, end = 0; begin < chunk.rows; begin = end) {
    const uint32_t version = chunk.policy_version[begin];
    while (end < chunk.rows && chunk.policy_version[end] == version) ++end;
    if (version < version_min_) {
      dropped_ += end - begin;
      continue;
    }
    stream.pieces.push_back({Slice(spec_, chunk, begin, end), 0});
    stream.rows += end - begin;
    size_ += end - begin;
  }
  return absl::OkStatus();
}

void RolloutQueue::CutActor(uint32_t member, uint32_t actor) {
  const auto last = streams_.upper_bound({member, actor, UINT32_MAX, UINT32_MAX});
  for (auto it = streams_.lower_bound({member, actor, 0, 0}); it != last; ++it) {
    it->second.live = false;
  }
  room_grew_ = true;
  EraseEnded();
}

void RolloutQueue::EraseEnded() {
  std::erase_if(streams_,
                [](const auto& entry) { return !entry.second.live && entry.second.rows == 0; });
}

void RolloutQueue::DropOlder(uint32_t version_min) {
  version_min_ = version_min;
  int64_t rows = 0;
  for (auto& [key, stream] : streams_) {
    std::erase_if(stream.pieces, [&, &stream = stream](const Piece& piece) {
      if (piece.version() >= version_min) return false;
      rows += piece.rows();
      stream.rows -= piece.rows();
      return true;
    });
  }
  if (rows == 0) return;
  size_ -= rows;
  dropped_ += rows;
  room_grew_ = true;
  EraseEnded();
}

absl::Status RolloutQueue::CheckRequest(const RolloutRequest& request) const {
  if (request.version_min > request.version_max) {
    return absl::InvalidArgumentError(absl::StrCat(
        "version_min ", request.version_min, " must be <= version_max ", request.version_max));
  }
  if (request.steps >= 1 && request.steps <= options_.rollout_steps) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("a rollout must have 1 to rollout_steps = ", options_.rollout_steps,
                   " rows, got ", request.steps));
}

int64_t RolloutQueue::Available(const Stream& stream, uint32_t version_max) {
  int64_t rows = 0;
  for (const Piece& piece : stream.pieces) {
    if (piece.version() > version_max) break;
    rows += piece.rows();
  }
  return rows;
}

std::optional<std::vector<int64_t>> RolloutQueue::Shares(const RolloutRequest& request) const {
  if (size_ < request.steps) return std::nullopt;
  std::vector<int64_t> shares(streams_.size(), 0);
  std::vector<std::pair<int64_t, size_t>> live;  // (-rows available, index)
  int64_t owed = request.steps;
  size_t index = 0;
  for (const auto& [key, stream] : streams_) {
    const int64_t rows = Available(stream, request.version_max);
    if (stream.live) {
      live.push_back({-rows, index});
    } else {
      shares[index] = std::min(owed, rows);
      owed -= shares[index];
    }
    ++index;
  }
  if (owed == 0) return shares;
  if (live.empty()) return std::nullopt;
  const int64_t base = owed / static_cast<int64_t>(live.size());
  int64_t remainder = owed % static_cast<int64_t>(live.size());
  std::sort(live.begin(), live.end());  // most rows first, then in order
  for (const auto& [negated_rows, at] : live) {
    shares[at] = base + (remainder > 0 ? 1 : 0);
    if (-negated_rows < shares[at]) return std::nullopt;
    --remainder;
  }
  return shares;
}

void RolloutQueue::Take(const RolloutRequest& request, Rollout* out) {
  const std::optional<std::vector<int64_t>> shares = Shares(request);
  PMOE_CHECK(shares.has_value());
  out->spec = spec_;
  out->obs.clear();
  out->action.clear();
  out->reward.clear();
  out->policy_version.clear();
  out->extra.clear();
  out->segments.clear();
  out->bootstrap_obs.clear();
  const size_t n = static_cast<size_t>(request.steps);
  out->obs.reserve(n * static_cast<size_t>(spec_.obs_dim));
  out->action.reserve(n * static_cast<size_t>(spec_.action_dim));
  out->reward.reserve(n);
  out->policy_version.reserve(n);
  out->extra.reserve(n * static_cast<size_t>(spec_.extra_dim));
  size_t index = 0;
  for (auto& [key, stream] : streams_) TakeRows(key, &stream, (*shares)[index++], out);
  out->dropped = dropped_;
  size_ -= request.steps;
  room_grew_ = true;
  EraseEnded();
}

void RolloutQueue::TakeRows(const StreamKey& key, Stream* stream, int64_t rows, Rollout* out) {
  stream->rows -= rows;
  bool open = false;  // the last segment of *out, which goes on with next_step
  uint64_t next_step = 0;
  while (rows > 0) {
    Piece& piece = stream->pieces.front();
    const uint64_t step = piece.chunk.first_step + piece.taken;
    const uint32_t n = static_cast<uint32_t>(std::min(rows, piece.rows()));
    CopyRows(key, piece, n, /*continues=*/open && next_step == step, out);
    open = out->segments.back().end == SegmentEnd::kCut;
    next_step = step + n;
    rows -= n;
    piece.taken += n;
    if (piece.rows() == 0) stream->pieces.pop_front();
  }
}

void RolloutQueue::CopyRows(const StreamKey& key, const Piece& piece, uint32_t rows, bool continues,
                            Rollout* out) const {
  const Chunk& chunk = piece.chunk;
  const size_t obs_dim = static_cast<size_t>(spec_.obs_dim);
  if (!continues) {
    out->segments.push_back({key.actor, key.epoch, key.env, out->rows(), 0, SegmentEnd::kCut});
    out->bootstrap_obs.resize(out->bootstrap_obs.size() + obs_dim);
  }
  AppendRows(chunk.observations, piece.taken, rows, spec_.obs_dim, &out->obs);
  AppendRows(chunk.actions, piece.taken, rows, spec_.action_dim, &out->action);
  AppendRows(chunk.rewards, piece.taken, rows, 1, &out->reward);
  AppendRows(chunk.policy_version, piece.taken, rows, 1, &out->policy_version);
  AppendRows(chunk.extra, piece.taken, rows, spec_.extra_dim, &out->extra);

  const size_t after = piece.taken + rows;
  RolloutSegment& segment = out->segments.back();
  segment.length += rows;
  if (chunk.terminated[after - 1] != 0) {
    segment.end = SegmentEnd::kTerminated;
  } else if (chunk.truncated[after - 1] != 0) {
    segment.end = SegmentEnd::kTruncated;
  }
  std::copy_n(chunk.observations.data() + after * obs_dim, obs_dim,
              out->bootstrap_obs.data() + out->bootstrap_obs.size() - obs_dim);
}

}  // namespace pmoe
