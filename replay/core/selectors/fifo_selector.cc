#include "replay/core/selectors/fifo_selector.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "common/base/check.h"

namespace pmoe {
namespace {

// Rows by which a stream may go beyond its limit while another one of its actor lacks rows. An
// actor steps its environments together, so that honest ones differ by a few chunks.
constexpr int64_t kSkewRows = 16 * kPageRows;
constexpr int64_t kRolloutRowsMax = int64_t{1} << 26;
constexpr int kLagMax = 1024;
constexpr int kNamed = 4;  // streams that a message lists

}  // namespace

absl::Status FifoOptions::Validate() const {
  if (rollout_steps < 1 || rollout_steps > kRolloutRowsMax) {
    return absl::InvalidArgumentError(absl::StrCat("rollout_steps must be in [1, ", kRolloutRowsMax,
                                                   "], got ", rollout_steps,
                                                   "; PPO usually wants 2048"));
  }
  if (max_lag >= 0 && max_lag <= kLagMax) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("max_lag must be in [0, ", kLagMax, "], got ",
                                                 max_lag, "; PPO usually wants 1"));
}

FifoSelector::FifoSelector(const PagePool* pool, const FifoOptions& options)
    : pool_(pool), options_(options) {
  PMOE_CHECK(options.Validate().ok());
}

std::string FifoSelector::Name(const StreamId& id) {
  return absl::StrCat("actor ", id.actor, " env ", id.env);
}

FifoSelector::Stream& FifoSelector::StreamOf(uint32_t page) {
  const Page& of = pool_->page(page);
  return streams_[{of.member, of.actor, of.env, of.epoch}];
}

void FifoSelector::OnStream(const StreamId& id) {
  Stream& stream = streams_[id];
  room_grew_ |= !stream.live;  // it lacks rows, or rows that counted as dead do not any more
  stream.live = true;
}

// The page before it, if there was one, is closed now.
void FifoSelector::OnOpen(uint32_t page) {
  StreamOf(page).pages.push_back(page);
  may_be_spent_ = true;
}

void FifoSelector::OnReady(RowRef first, int count) {
  Stream& stream = StreamOf(first.page);
  for (int i = 0; i < count; ++i) {
    const RowRef row{first.page, first.row + static_cast<uint32_t>(i)};
    const uint32_t version = PagePool::Word(pool_->row(row) + pool_->version_at());
    if (version < version_min_) {
      GiveUp({row, 1, version});
      continue;
    }
    Run* const last = stream.runs.empty() ? nullptr : &stream.runs.back();
    const bool continues = last != nullptr && last->version == version &&
                           last->first.page == row.page && last->first.row + last->rows == row.row;
    if (continues) {
      ++last->rows;
    } else {
      stream.runs.push_back({row, 1, version});
    }
    ++stream.rows;
    ++size_;
  }
}

void FifoSelector::OnCut(const StreamId& id) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  found->second.live = false;
  room_grew_ = may_be_spent_ = true;
}

void FifoSelector::GiveUp(const Run& run) {
  for (int64_t i = 0; i < run.rows; ++i) {
    spent_.rows.push_back({run.first.page, run.first.row + static_cast<uint32_t>(i)});
  }
  dropped_ += run.rows;
  may_be_spent_ = true;
}

void FifoSelector::DropOlder(uint32_t version_min) {
  version_min_ = version_min;
  for (auto& [id, stream] : streams_) {
    std::erase_if(stream.runs, [&, &stream = stream](const Run& run) {
      if (run.version >= version_min) return false;
      GiveUp(run);
      stream.rows -= run.rows;
      size_ -= run.rows;
      room_grew_ = true;
      return true;
    });
  }
}

// A stream's pages go in the order of opening: the successor of a page's last row is on the next
// one, which therefore must not go first.
Spent FifoSelector::TakeSpent() {
  if (!std::exchange(may_be_spent_, false)) return {};  // as after most chunks
  for (auto it = streams_.begin(); it != streams_.end();) {
    Stream& stream = it->second;
    while (!stream.pages.empty() && !pool_->page(stream.pages.front()).open &&
           (stream.runs.empty() || stream.runs.front().first.page != stream.pages.front())) {
      spent_.pages.push_back(stream.pages.front());
      stream.pages.pop_front();
    }
    it = !stream.live && stream.rows == 0 && stream.pages.empty() ? streams_.erase(it)
                                                                  : std::next(it);
  }
  return std::exchange(spent_, {});
}

int64_t FifoSelector::LiveStreams() const {
  return std::count_if(streams_.begin(), streams_.end(),
                       [](const auto& entry) { return entry.second.live; });
}

int64_t FifoSelector::DeadRows() const {
  int64_t rows = 0;
  for (const auto& [id, stream] : streams_) rows += stream.live ? 0 : stream.rows;
  return rows;
}

int64_t FifoSelector::Quota() const {
  const int64_t live = std::max<int64_t>(1, LiveStreams());
  return (options_.rollout_steps + live - 1) / live;
}

absl::Status FifoSelector::CheckStream(const StreamId& id, int64_t others) const {
  if (others < options_.rollout_steps) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "a rollout of ", options_.rollout_steps, " rows has none for ", Name(id), " beside ", others,
      " other environments; take longer rollouts or run fewer environments"));
}

// Why nobody waits for ever: a rollout wants at most Quota() rows of a live stream, or none when
// the rows of ended streams fill it, and only actors whose streams all have as many are held back.
bool FifoSelector::HasRoom(const StreamId& id, int64_t rows) const {
  if (rows == 0) return true;
  if (DeadRows() >= options_.rows_max()) return false;
  const auto found = streams_.find(id);
  if (found == streams_.end() || !found->second.live) return true;
  const int64_t quota = Quota();
  const int64_t limit = quota * (1 + options_.max_lag);
  const int64_t held = found->second.rows;
  if (held + rows <= limit) return true;
  if (held >= limit + kSkewRows) return false;
  const auto lacks_rows = [&](const auto& entry) {
    return entry.first.epoch == id.epoch && entry.second.live && entry.second.rows < quota;
  };
  return std::any_of(streams_.lower_bound({id.member, id.actor, 0, 0}),
                     streams_.upper_bound({id.member, id.actor, UINT32_MAX, UINT32_MAX}),
                     lacks_rows);
}

absl::Status FifoSelector::CheckRoundRoom() const {
  if (size_ <= options_.rows_max()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(size_, " rows of earlier rounds were not taken; call TakeRollout after each"));
}

absl::Status FifoSelector::Check(const SelectRequest& request) const {
  if (!request.in_order) {
    return absl::FailedPreconditionError(
        "this shard is on-policy: its rows are taken once, with TakeRollout, and not sampled");
  }
  if (request.version_min > request.version_max) {
    return absl::InvalidArgumentError(absl::StrCat(
        "version_min ", request.version_min, " must be <= version_max ", request.version_max));
  }
  if (request.rows >= 1 && request.rows <= options_.rollout_steps) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("a rollout must have 1 to rollout_steps = ", options_.rollout_steps,
                   " rows, got ", request.rows));
}

int64_t FifoSelector::Available(const Stream& stream, uint32_t version_max) {
  int64_t rows = 0;
  for (const Run& run : stream.runs) {
    if (run.version > version_max) break;
    rows += run.rows;
  }
  return rows;
}

std::optional<std::vector<int64_t>> FifoSelector::Shares(const SelectRequest& request) const {
  if (size_ < request.rows) return std::nullopt;
  std::vector<int64_t> shares(streams_.size(), 0);
  std::vector<std::pair<int64_t, size_t>> live;  // (-rows available, index)
  int64_t owed = request.rows;
  size_t index = 0;
  for (const auto& [id, stream] : streams_) {
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

void FifoSelector::Select(const SelectRequest& request, Rng*, std::vector<RowRef>* rows) {
  const std::optional<std::vector<int64_t>> shares = Shares(request);
  PMOE_CHECK(shares.has_value());
  size_t index = 0;
  for (auto& [id, stream] : streams_) SelectFrom(&stream, (*shares)[index++], rows);
  size_ -= request.rows;
  room_grew_ = may_be_spent_ = true;
}

void FifoSelector::SelectFrom(Stream* stream, int64_t owed, std::vector<RowRef>* rows) {
  stream->rows -= owed;
  while (owed > 0) {
    Run& run = stream->runs.front();
    rows->push_back(run.first);
    spent_.rows.push_back(run.first);
    ++run.first.row;
    --owed;
    if (--run.rows == 0) stream->runs.pop_front();
  }
}

std::string FifoSelector::ExplainSelect(const SelectRequest& request) const {
  int64_t owed = request.rows;
  for (const auto& [id, stream] : streams_) {
    if (!stream.live) owed -= Available(stream, request.version_max);
  }
  const int64_t live = LiveStreams();
  std::string text = absl::StrCat(size_, " rows wait for a rollout of ", request.rows, " from ",
                                  live, " environments");
  if (request.version_max != UINT32_MAX) {
    absl::StrAppend(&text, " with versions up to ", request.version_max);
  }
  if (dropped_ > 0) absl::StrAppend(&text, ", ", dropped_, " were too old");
  if (owed <= 0) return text;
  if (live == 0) return absl::StrCat(text, "; none of them sends rows");
  const int64_t share = (owed + live - 1) / live;
  int lacking = 0;
  for (const auto& [id, stream] : streams_) {
    const int64_t rows = Available(stream, request.version_max);
    if (!stream.live || rows >= share || ++lacking > kNamed) continue;
    absl::StrAppend(&text, lacking == 1 ? "; " : ", ", Name(id), " has ", rows, " of ", share,
                    stream.rows > rows ? " and then newer ones" : "");
  }
  if (lacking > kNamed) absl::StrAppend(&text, " and ", lacking - kNamed, " more");
  return text;
}

std::string FifoSelector::ExplainInsert() const {
  if (const int64_t dead = DeadRows(); dead >= options_.rows_max()) {
    return absl::StrCat(dead, " rows of actors that are gone wait to be taken, at most ",
                        options_.rows_max(), " may");
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

std::string FifoSelector::SaveState() const {
  ByteWriter out;
  out.Pod(dropped_);
  return out.Take();
}

absl::Status FifoSelector::LoadState(absl::string_view state) {
  if (state.empty()) {
    return absl::FailedPreconditionError(
        "the saved shard kept a table, this one keeps rollouts; resume with its algorithm");
  }
  ByteReader in(state);
  in.Pod(&dropped_);
  room_grew_ = true;
  if (dropped_ < 0) return absl::DataLossError("the selector block counts less than no rows");
  return in.Finish("the selector block");
}

}  // namespace pmoe
