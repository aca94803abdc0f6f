#include "replay/core/replay_table.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "replay/core/selectors/limited_selector.h"
#include "replay/core/selectors/uniform_selector.h"

namespace pmoe {
namespace {

constexpr int kWidthMax = 1 << 16;   // values of one row's column
constexpr int64_t kStreamPages = 2;  // pages that the limits must hold for each stream

std::string Name(const Chunk& chunk) {
  return absl::StrCat("actor ", chunk.actor, " env ", chunk.env, " step ", chunk.first_step);
}

bool EndsEpisode(const Chunk& chunk, uint32_t i) {
  return (chunk.terminated[i] | chunk.truncated[i]) != 0;
}

std::unique_ptr<Selector> MakeSelector(const ReplayTableOptions& options, const PagePool* pool) {
  if (options.fifo.has_value()) return std::make_unique<FifoSelector>(pool, *options.fifo);
  if (options.priority.has_value()) {
    return std::make_unique<PrioritizedSelector>(pool, *options.priority);
  }
  std::unique_ptr<Selector> chooser = std::make_unique<UniformSelector>(pool);
  if (options.age.has_value()) chooser = std::make_unique<AgeSelector>(pool, *options.age);
  if (options.max_times_sampled == 0) return chooser;
  return std::make_unique<LimitedSelector>(pool, std::move(chooser), options.max_times_sampled);
}

// A rollout's rows wait until they are taken, so that only the selector limits them.
ReplayTableOptions WithLimits(ReplayTableOptions options) {
  if (!options.fifo.has_value()) return options;
  options.capacity = std::numeric_limits<int64_t>::max();
  options.bytes_max = 0;
  options.n_step = 1;
  return options;
}

}  // namespace

absl::Status ReplayTableOptions::Validate() const {
  if (fifo.has_value()) PMOE_RETURN_IF_ERROR(fifo->Validate());
  if (priority.has_value()) PMOE_RETURN_IF_ERROR(priority->Validate());
  if (fifo.has_value() && priority.has_value()) {
    return absl::InvalidArgumentError(
        "an on-policy table has no priorities: it gives every row once; leave one of them away");
  }
  if (age.has_value() && (fifo.has_value() || priority.has_value())) {
    return absl::InvalidArgumentError(
        "a table gives its rows by age, by priority or as rollouts; leave all but one away");
  }
  if (max_times_sampled < 0 || max_times_sampled > LimitedSelector::kTimesMax) {
    return absl::InvalidArgumentError(absl::StrCat("replay.max_times_sampled must be in [0, ",
                                                   LimitedSelector::kTimesMax, "], got ",
                                                   max_times_sampled, "; 0 sets no limit"));
  }
  if (max_times_sampled > 0 && (fifo.has_value() || priority.has_value())) {
    return absl::InvalidArgumentError(
        absl::StrCat("replay.max_times_sampled must be 0 with priorities and rollouts, got ",
                     max_times_sampled));
  }
  if (capacity < kStreamPages * kPageRows) {
    return absl::InvalidArgumentError(
        absl::StrCat("replay.capacity must be >= ", kStreamPages * kPageRows, ", got ", capacity,
                     "; SAC usually wants 1000000"));
  }
  if (capacity > kRowsMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("replay.capacity must be <= ", kRowsMax, ", got ", capacity));
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
  return ReplayTable(spec, WithLimits(options));
}

ReplayTable::ReplayTable(const TableSpec& spec, const ReplayTableOptions& options)
    : spec_(spec),
      options_(options),
      pool_(std::make_unique<PagePool>(spec)),
      selector_(MakeSelector(options, pool_.get())) {
  double power = 1.0;
  for (int k = 0; k <= options.n_step; ++k, power *= options.gamma) gamma_power_.push_back(power);
}

// The open pages of all streams can never be evicted, so the limits must leave room for closed
// ones.
absl::Status ReplayTable::CheckRoomForStream(const StreamId& id, int64_t others) const {
  PMOE_RETURN_IF_ERROR(selector_->CheckStream(id, others));
  const int64_t streams = others + 1;
  const int64_t rows = kStreamPages * kPageRows * streams;
  if (options_.capacity < rows) {
    return absl::ResourceExhaustedError(
        absl::StrCat("replay.capacity must be >= ", rows, " (", kStreamPages, " pages of ",
                     kPageRows, " rows for each of ", streams, " environments), got ",
                     options_.capacity, "; raise it or run fewer environments"));
  }
  const int64_t bytes = kStreamPages * pool_->page_bytes() * streams;
  if (options_.bytes_max > 0 && options_.bytes_max < bytes) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "replay.bytes_max must be >= ", bytes, " (", kStreamPages, " pages for each of ", streams,
        " environments), got ", options_.bytes_max, "; raise it or run fewer environments"));
  }
  return absl::OkStatus();
}

absl::Status ReplayTable::CheckJoin(const Chunk& chunk, const StreamKey& key, Seam seam) const {
  const auto found = streams_.find(key);
  if (found == streams_.end() || seam == Seam::kNewEpoch) {
    int64_t others = streams();
    if (seam == Seam::kNewEpoch) {  // whose streams end
      others -= std::count_if(streams_.begin(), streams_.end(), [&key](const auto& entry) {
        return entry.first.member == key.member && entry.first.actor == key.actor;
      });
    }
    return CheckRoomForStream({key.member, key.actor, key.env, chunk.epoch}, others);
  }
  const RowRef head = found->second.head;
  if (seam != Seam::kContinues || !head) return absl::OkStatus();
  const size_t bytes = static_cast<size_t>(spec_.obs_dim) * sizeof(float);
  if (std::memcmp(pool_->row(head), chunk.observations.data(), bytes) == 0) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(Name(chunk),
                   ": the first observation is not the successor of the step before; a writer "
                   "must end the episode or skip a step number where it loses one"));
}

absl::StatusOr<uint64_t> ReplayTable::Hello(const WriterHello& hello) {
  const bool is_new = book_.IsNewEpoch(hello.member, hello.actor, hello.epoch);
  PMOE_ASSIGN_OR_RETURN(const uint64_t next_seq, book_.Hello(hello));
  if (is_new) CutActor(hello.member, hello.actor);
  return next_seq;
}

absl::Status ReplayTable::Append(const Chunk& chunk) {
  const StreamKey key{chunk.member, chunk.actor, chunk.env};
  PMOE_ASSIGN_OR_RETURN(const Seam seam, book_.CheckSteps(chunk));
  if (chunk.rows > 0) PMOE_RETURN_IF_ERROR(CheckJoin(chunk, key, seam));
  if (seam == Seam::kNewEpoch) CutActor(key.member, key.actor);
  if (chunk.rows > 0) {
    const Target to{key, OpenStream(key, chunk.epoch), chunk};
    if (seam == Seam::kGap) Cut(to.stream);
    for (uint32_t i = 0; i < chunk.rows;) i = AppendRun(to, i);
    LetGoOfSpent();
  }
  book_.Record(chunk);
  return absl::OkStatus();
}

ReplayTable::Stream* ReplayTable::OpenStream(const StreamKey& key, uint32_t epoch) {
  const auto [entry, is_new] = streams_.try_emplace(key);
  if (is_new) {
    entry->second.epoch = epoch;
    selector_->OnStream({key.member, key.actor, key.env, epoch});
  }
  return &entry->second;
}

// As many rows as go on without a new page or an episode's end, at once: their successors are the
// next rows of the page. A row at such an end is written by itself.
uint32_t ReplayTable::AppendRun(const Target& to, uint32_t begin) {
  const Chunk& chunk = to.chunk;
  const size_t obs_dim = static_cast<size_t>(spec_.obs_dim);
  const float* obs = chunk.observations.data() + begin * obs_dim;
  Stream* const stream = to.stream;
  if (!stream->head) stream->head = NewRow(to, chunk.first_step + begin, obs, kRowHead);

  const RowRef first = stream->head;
  const uint32_t inner = chunk.rows - (EndsEpisode(chunk, chunk.rows - 1) ? 1 : 0);
  const uint32_t end = std::min(inner, begin + (kPageRows - 1 - first.row));
  if (end <= begin) return AppendLast(to, begin);
  float* at = pool_->mutable_row(first);
  for (uint32_t i = begin; i < end; ++i) {
    WriteStep(chunk, i, at, kRowStep);
    at += pool_->stride();
    obs += obs_dim;
    std::memcpy(at, obs, obs_dim * sizeof(float));
  }
  // Only the last one stays a head, and a head's other columns are zeros in a saved page.
  std::fill(at + pool_->action_at(), at + pool_->flags_at(), 0.0f);
  PagePool::SetWord(at + pool_->flags_at(), kRowHead);
  const uint32_t count = end - begin;
  pool_->page(first.page).rows = static_cast<uint16_t>(first.row + count + 1);
  stream->head.row += count;
  CountSteps(stream, first, static_cast<int>(count));
  while (stored_ > options_.capacity) EvictOldest();
  return end;
}

uint32_t ReplayTable::AppendLast(const Target& to, uint32_t i) {
  const Chunk& chunk = to.chunk;
  Stream* const stream = to.stream;
  const RowRef row = stream->head;
  uint32_t flags = kRowStep;
  if (chunk.terminated[i] != 0) flags |= kRowTerminated;
  if (chunk.truncated[i] != 0) flags |= kRowTruncated;
  WriteStep(chunk, i, pool_->mutable_row(row), flags);
  const float* const next_obs =
      chunk.observations.data() + (i + 1) * static_cast<size_t>(spec_.obs_dim);
  const bool episode_end = EndsEpisode(chunk, i);
  const RowRef successor =
      NewRow(to, chunk.first_step + i + 1, next_obs, episode_end ? kRowFinal : kRowHead);
  stream->head = episode_end ? RowRef{} : successor;
  CountSteps(stream, row, 1);
  if (episode_end) MarkReady(stream, /*all=*/true);
  if (episode_end && successor.row + 1 == kPageRows) ClosePage(stream);
  while (stored_ > options_.capacity) EvictOldest();
  return i + 1;
}

void ReplayTable::WriteStep(const Chunk& chunk, uint32_t i, float* at, uint32_t flags) const {
  const size_t action_dim = static_cast<size_t>(spec_.action_dim);
  const size_t extra_dim = static_cast<size_t>(spec_.extra_dim);
  std::copy_n(chunk.actions.data() + i * action_dim, action_dim, at + pool_->action_at());
  std::copy_n(chunk.extra.data() + i * extra_dim, extra_dim, at + pool_->extra_at());
  at[pool_->reward_at()] = chunk.rewards[i];
  PagePool::SetWord(at + pool_->version_at(), chunk.policy_version[i]);
  PagePool::SetWord(at + pool_->flags_at(), flags);
}

// A row of a stream's open page, or of a new one; `step` is the row's.
RowRef ReplayTable::NewRow(const Target& to, uint64_t step, const float* obs, uint32_t flags) {
  Stream* const stream = to.stream;
  if (stream->page == kNoPage || pool_->page(stream->page).rows == kPageRows) {
    while (options_.bytes_max > 0 && bytes() + pool_->page_bytes() > options_.bytes_max) {
      EvictOldest();
    }
    const uint32_t opened = pool_->Open();
    Page& page = pool_->page(opened);
    page.prev = stream->page;
    if (stream->page != kNoPage) {
      pool_->page(stream->page).next = opened;
      ClosePage(stream);
    }
    page.member = to.key.member;
    page.actor = to.key.actor;
    page.epoch = stream->epoch;
    page.env = to.key.env;
    page.first_step = step;
    stream->page = opened;
    selector_->OnOpen(opened);
  }
  Page& page = pool_->page(stream->page);
  const RowRef row{stream->page, page.rows++};
  float* at = pool_->mutable_row(row);
  std::copy_n(obs, spec_.obs_dim, at);
  std::fill(at + pool_->action_at(), at + pool_->flags_at(), 0.0f);
  pool_->set_flags(row, flags);
  return row;
}

void ReplayTable::CountSteps(Stream* stream, RowRef first, int count) {
  Page& page = pool_->page(first.page);
  page.steps += static_cast<uint16_t>(count);
  size_ += count;
  stored_ += count;
  if (page.actor != StreamBook::kLoader) inserted_ += count;
  if (options_.n_step == 1) return GiveReady(first, count);
  for (int i = 0; i < count; ++i) {
    stream->pending.push_back({first.page, first.row + static_cast<uint32_t>(i)});
  }
  MarkReady(stream, /*all=*/false);
}

// A row can be given once n_step rewards are known, or all that will ever be.
void ReplayTable::MarkReady(Stream* stream, bool all) {
  std::vector<RowRef>& pending = stream->pending;
  const size_t short_tail = all ? 0 : static_cast<size_t>(options_.n_step) - 1;
  const size_t ready = pending.size() - std::min(pending.size(), short_tail);
  for (size_t begin = 0, end = 0; begin < ready; begin = end) {  // a page's rows at once
    while (end < ready && pending[end].page == pending[begin].page) ++end;
    GiveReady(pending[begin], static_cast<int>(end - begin));
  }
  pending.erase(pending.begin(), pending.begin() + static_cast<ptrdiff_t>(ready));
}

void ReplayTable::GiveReady(RowRef first, int count) {
  for (int i = 0; i < count; ++i) {
    const RowRef row{first.page, first.row + static_cast<uint32_t>(i)};
    pool_->set_flags(row, pool_->flags(row) | kRowReady);
  }
  pool_->page(first.page).ready += static_cast<uint16_t>(count);
  eligible_ += count;
  selector_->OnReady(first, count);
}

// The head stays as the last successor: rows before it bootstrap there, as after a truncation.
void ReplayTable::Cut(Stream* stream) {
  if (stream->head) pool_->set_flags(stream->head, kRowFinal);
  stream->head = RowRef{};
  MarkReady(stream, /*all=*/true);
  if (stream->page == kNoPage) return;
  const uint32_t slot = stream->page;
  ClosePage(stream);
  FreeIfSpent(slot);
}

void ReplayTable::CutActor(uint32_t member, uint32_t actor) {
  auto it = streams_.lower_bound({member, actor, 0});
  while (it != streams_.end() && it->first.member == member && it->first.actor == actor) {
    Cut(&it->second);
    selector_->OnCut({member, actor, it->first.env, it->second.epoch});
    it = streams_.erase(it);
  }
  LetGoOfSpent();
}

void ReplayTable::DropOlder(uint32_t version_min) {
  selector_->DropOlder(version_min);
  LetGoOfSpent();
}

void ReplayTable::ClosePage(Stream* stream) {
  Page& page = pool_->page(stream->page);
  page.open = false;
  closed_.insert({page.id, stream->page});
  stream->page = kNoPage;
}

int64_t ReplayTable::loaded() const {
  const StreamBook::Writer* const loader = book_.Find(/*member=*/0, StreamBook::kLoader);
  if (loader == nullptr) return 0;
  const auto next_step = loader->next_step.find(/*env=*/0);
  return next_step == loader->next_step.end() ? 0 : static_cast<int64_t>(next_step->second);
}

TableSave ReplayTable::BeginSave() const {
  pool_->BeginCopy();
  return {.index = SaveIndex(), .selector = selector_->SaveState()};
}

bool ReplayTable::NextPages(CopiedPages* out) const {
  // As many as cost the others about 0.1 ms.
  constexpr size_t kBytesAtOnce = size_t{512} << 10;
  return pool_->NextPages(kBytesAtOnce, out);
}

void ReplayTable::EndSave() const { pool_->EndCopy(); }

RowRef ReplayTable::Next(RowRef row) const {
  if (row.row + 1 < kPageRows) return {row.page, row.row + 1};
  return {pool_->page(row.page).next, 0};
}

}  // namespace pmoe
