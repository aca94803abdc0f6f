#include "replay/core/replay_table.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

constexpr int kWidthMax = 1 << 16;   // values of one row's column
constexpr int64_t kStreamPages = 2;  // pages that the limits must hold for each stream

std::string Name(const Chunk& chunk) {
  return absl::StrCat("actor ", chunk.actor, " env ", chunk.env, " step ", chunk.first_step);
}

}  // namespace

absl::Status ReplayTableOptions::Validate() const {
  if (capacity < kStreamPages * kPageRows) {
    return absl::InvalidArgumentError(
        absl::StrCat("replay.capacity must be >= ", kStreamPages * kPageRows, ", got ", capacity,
                     "; SAC usually wants 1000000"));
  }
  if (bytes_max < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("replay.bytes_max must be >= 0, got ", bytes_max, "; 0 sets no limit"));
  }
  if (n_step < 1 || n_step > kPageRows) {
    return absl::InvalidArgumentError(absl::StrCat("replay.n_step must be in [1, ", kPageRows,
                                                   "], got ", n_step, "; SAC usually wants 1"));
  }
  if (!(gamma > 0.0 && gamma <= 1.0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("gamma must be in (0, 1], got ", gamma, "; SAC usually wants 0.99"));
  }
  return absl::OkStatus();
}

absl::StatusOr<ReplayTable> ReplayTable::Create(const TableSpec& spec,
                                                const ReplayTableOptions& options) {
  const auto within = [](int width, int least) { return width >= least && width <= kWidthMax; };
  if (!within(spec.obs_dim, 1) || !within(spec.action_dim, 1) || !within(spec.extra_dim, 0)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a table needs obs_dim >= 1, action_dim >= 1 and extra_dim >= 0, each at most ", kWidthMax,
        ", got ", spec.obs_dim, ", ", spec.action_dim, " and ", spec.extra_dim,
        "; they come from the environment's spec"));
  }
  PMOE_RETURN_IF_ERROR(options.Validate());
  return ReplayTable(spec, options);
}

ReplayTable::ReplayTable(const TableSpec& spec, const ReplayTableOptions& options)
    : spec_(spec), options_(options), pool_(spec) {
  double power = 1.0;
  for (int k = 0; k <= options.n_step; ++k, power *= options.gamma) gamma_power_.push_back(power);
}

// The open pages of all streams can never be evicted, so the limits must leave room for closed
// ones.
absl::Status ReplayTable::CheckRoomForStream(int64_t streams) const {
  const int64_t rows = kStreamPages * kPageRows * streams;
  if (options_.capacity < rows) {
    return absl::ResourceExhaustedError(
        absl::StrCat("replay.capacity must be >= ", rows, " (", kStreamPages, " pages of ",
                     kPageRows, " rows for each of ", streams, " environments), got ",
                     options_.capacity, "; raise it or run fewer environments"));
  }
  const int64_t bytes = kStreamPages * pool_.page_bytes() * streams;
  if (options_.bytes_max > 0 && options_.bytes_max < bytes) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "replay.bytes_max must be >= ", bytes, " (", kStreamPages, " pages for each of ", streams,
        " environments), got ", options_.bytes_max, "; raise it or run fewer environments"));
  }
  return absl::OkStatus();
}

absl::Status ReplayTable::CheckContinues(const Chunk& chunk, const Stream& stream) const {
  if (chunk.first_step < stream.next_step) {
    return absl::AlreadyExistsError(absl::StrCat(
        Name(chunk), " came before; the next step of this stream is ", stream.next_step));
  }
  if (chunk.first_step > stream.next_step || !stream.head) return absl::OkStatus();
  const size_t bytes = static_cast<size_t>(spec_.obs_dim) * sizeof(float);
  if (std::memcmp(pool_.row(stream.head), chunk.observations.data(), bytes) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(Name(chunk),
                     ": the first observation is not the successor of the step before; a writer "
                     "must end the episode or skip a step number where it loses one"));
  }
  return absl::OkStatus();
}

absl::Status ReplayTable::CheckAppend(const Chunk& chunk, const StreamKey& key) const {
  const auto epoch = epochs_.find({key.member, key.actor});
  if (epoch != epochs_.end() && chunk.epoch < epoch->second) {
    return absl::FailedPreconditionError(
        absl::StrCat(Name(chunk), " is of epoch ", chunk.epoch, ", but epoch ", epoch->second,
                     " has taken this actor's place; it must stop"));
  }
  const auto stream = streams_.find(key);
  if (stream != streams_.end() && chunk.epoch == epoch->second) {
    return CheckContinues(chunk, stream->second);
  }
  int64_t others = streams();
  if (epoch != epochs_.end() && chunk.epoch > epoch->second) {
    others -= std::count_if(streams_.begin(), streams_.end(), [&key](const auto& entry) {
      return entry.first.member == key.member && entry.first.actor == key.actor;
    });
  }
  return CheckRoomForStream(others + 1);
}

absl::Status ReplayTable::Append(const Chunk& chunk) {
  PMOE_RETURN_IF_ERROR(ValidateChunk(spec_, chunk));
  if (chunk.rows == 0) return absl::OkStatus();
  const StreamKey key{chunk.member, chunk.actor, chunk.env};
  PMOE_RETURN_IF_ERROR(CheckAppend(chunk, key));

  uint32_t& epoch = epochs_.try_emplace({key.member, key.actor}, chunk.epoch).first->second;
  if (chunk.epoch > epoch) CutActor(key.member, key.actor);
  epoch = chunk.epoch;
  Stream& stream = streams_[key];
  if (chunk.first_step != stream.next_step) Cut(&stream);
  stream.next_step = chunk.first_step;
  for (uint32_t i = 0; i < chunk.rows; ++i) AppendStep(key, &stream, chunk, i);
  return absl::OkStatus();
}

void ReplayTable::AppendStep(const StreamKey& key, Stream* stream, const Chunk& chunk, uint32_t i) {
  const size_t obs_dim = static_cast<size_t>(spec_.obs_dim);
  const size_t action_dim = static_cast<size_t>(spec_.action_dim);
  const size_t extra_dim = static_cast<size_t>(spec_.extra_dim);
  const float* obs = chunk.observations.data() + i * obs_dim;
  if (!stream->head) stream->head = NewRow(key, stream, obs, kRowHead);

  const RowRef row = stream->head;
  float* at = pool_.row(row);
  std::copy_n(chunk.actions.data() + i * action_dim, action_dim, at + pool_.action_at());
  std::copy_n(chunk.extra.data() + i * extra_dim, extra_dim, at + pool_.extra_at());
  at[pool_.reward_at()] = chunk.rewards[i];
  PagePool::SetWord(at + pool_.version_at(), chunk.policy_version[i]);
  uint32_t flags = kRowStep;
  if (chunk.terminated[i] != 0) flags |= kRowTerminated;
  if (chunk.truncated[i] != 0) flags |= kRowTruncated;
  pool_.set_flags(row, flags);
  ++pool_.page(row.page).steps;
  ++size_;
  ++inserted_;
  ++stream->next_step;

  const bool episode_end = flags != kRowStep;
  const RowRef successor = NewRow(key, stream, obs + obs_dim, episode_end ? kRowFinal : kRowHead);
  stream->head = episode_end ? RowRef{} : successor;
  stream->pending.push_back(row);
  MarkReady(stream, /*all=*/episode_end);
  if (episode_end && successor.row + 1 == kPageRows) ClosePage(stream);
  while (size_ > options_.capacity) EvictOldest();
}

RowRef ReplayTable::NewRow(const StreamKey& key, Stream* stream, const float* obs, uint32_t flags) {
  if (stream->page == kNoPage || pool_.page(stream->page).rows == kPageRows) {
    while (options_.bytes_max > 0 && bytes() + pool_.page_bytes() > options_.bytes_max) {
      EvictOldest();
    }
    const uint32_t opened = pool_.Open();
    if (stream->page != kNoPage) {
      pool_.page(stream->page).next = opened;
      ClosePage(stream);
    }
    Page& page = pool_.page(opened);
    page.member = key.member;
    page.actor = key.actor;
    page.epoch = epochs_.at({key.member, key.actor});
    page.env = key.env;
    page.first_step = stream->next_step;
    stream->page = opened;
  }
  Page& page = pool_.page(stream->page);
  const RowRef row{stream->page, page.rows++};
  float* at = pool_.row(row);
  std::copy_n(obs, spec_.obs_dim, at);
  std::fill(at + pool_.action_at(), at + pool_.flags_at(), 0.0f);
  pool_.set_flags(row, flags);
  return row;
}

// A row can be sampled once n_step rewards are known, or all that will ever be.
void ReplayTable::MarkReady(Stream* stream, bool all) {
  std::vector<RowRef>& pending = stream->pending;
  const size_t short_tail = all ? 0 : static_cast<size_t>(options_.n_step) - 1;
  while (pending.size() > short_tail) {
    pool_.set_flags(pending.front(), pool_.flags(pending.front()) | kRowReady);
    ++pool_.page(pending.front().page).ready;
    ++eligible_;
    pending.erase(pending.begin());
  }
}

// The head stays as the last successor: rows before it bootstrap there, as after a truncation.
void ReplayTable::Cut(Stream* stream) {
  if (stream->head) pool_.set_flags(stream->head, kRowFinal);
  stream->head = RowRef{};
  MarkReady(stream, /*all=*/true);
  if (stream->page != kNoPage) ClosePage(stream);
}

void ReplayTable::CutActor(uint32_t member, uint32_t actor) {
  auto it = streams_.lower_bound({member, actor, 0});
  while (it != streams_.end() && it->first.member == member && it->first.actor == actor) {
    Cut(&it->second);
    it = streams_.erase(it);
  }
}

void ReplayTable::ClosePage(Stream* stream) {
  Page& page = pool_.page(stream->page);
  page.open = false;
  closed_.push({page.id, stream->page});
  stream->page = kNoPage;
}

void ReplayTable::EvictOldest() {
  PMOE_CHECK(!closed_.empty());  // CheckRoomForStream leaves room beside the open pages
  const uint32_t slot = closed_.top().second;
  closed_.pop();
  const Page& page = pool_.page(slot);
  size_ -= page.steps;
  eligible_ -= page.ready;
  const auto stream = streams_.find({page.member, page.actor, page.env});
  if (stream != streams_.end()) {
    std::erase_if(stream->second.pending, [slot](RowRef row) { return row.page == slot; });
  }
  pool_.Free(slot);
}

RowRef ReplayTable::Next(RowRef row) const {
  if (row.row + 1 < kPageRows) return {row.page, row.row + 1};
  return {pool_.page(row.page).next, 0};
}

RowRef ReplayTable::Draw(Rng* rng) const {
  const uint64_t drawn = rng->UniformInt(uint64_t{pool_.slots()} * kPageRows);
  return {static_cast<uint32_t>(drawn / kPageRows), static_cast<uint32_t>(drawn % kPageRows)};
}

absl::Status ReplayTable::Sample(Rng* rng, Minibatch* batch) const {
  if (batch->spec() != spec_) {
    return absl::InvalidArgumentError("the minibatch was made for a table with other columns");
  }
  if (eligible_ == 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("nothing to sample: the table holds ", size_, " transitions and none has all ",
                     options_.n_step, " rewards yet; insert first"));
  }
  // Draws go first, so that the gather finds its rows on their way to the cache.
  constexpr int kAhead = 8;
  std::vector<RowRef> rows(static_cast<size_t>(batch->size()));
  for (RowRef& row : rows) row = Draw(rng);
  for (int i = 0; i < batch->size(); ++i) {
    if (i + kAhead < batch->size()) Prefetch(rows[static_cast<size_t>(i + kAhead)]);
    RowRef row = rows[static_cast<size_t>(i)];
    while ((pool_.flags(row) & kRowReady) == 0) row = Draw(rng);
    Gather(row, i, batch);
  }
  return absl::OkStatus();
}

void ReplayTable::Prefetch(RowRef row) const {
  constexpr size_t kLineFloats = 16;
  constexpr size_t kFloatsMax = 16 * kLineFloats;  // further on the hardware follows by itself
  const float* at = pool_.row(row);
  const size_t floats = static_cast<size_t>(pool_.stride() + spec_.obs_dim);
  for (size_t i = 0; i < std::min(floats, kFloatsMax); i += kLineFloats) {
    __builtin_prefetch(at + i);
  }
  __builtin_prefetch(at + floats - 1);
}

void ReplayTable::Gather(RowRef row, int i, Minibatch* batch) const {
  const size_t index = static_cast<size_t>(i);
  const size_t obs_dim = static_cast<size_t>(spec_.obs_dim);
  const size_t action_dim = static_cast<size_t>(spec_.action_dim);
  const float* at = pool_.row(row);
  std::memcpy(batch->obs() + index * obs_dim, at, obs_dim * sizeof(float));
  std::memcpy(batch->action() + index * action_dim, at + pool_.action_at(),
              action_dim * sizeof(float));
  batch->policy_version()[i] = PagePool::Word(at + pool_.version_at());

  // R = sum of gamma^k r_k over k < n, where n is n_step or ends with the episode, whose last row
  // is no step.
  double reward = 0.0;
  bool terminated = false;
  size_t n = 0;
  do {
    reward += gamma_power_[n] * pool_.row(row)[pool_.reward_at()];
    terminated = (pool_.flags(row) & kRowTerminated) != 0;
    row = Next(row);
    ++n;
  } while (n < static_cast<size_t>(options_.n_step) && (pool_.flags(row) & kRowStep) != 0);
  batch->reward()[i] = static_cast<float>(reward);
  batch->discount()[i] = terminated ? 0.0f : static_cast<float>(gamma_power_[n]);
  std::memcpy(batch->next_obs() + index * obs_dim, pool_.row(row), obs_dim * sizeof(float));
}

}  // namespace pmoe
