#include "replay/client/sample_board.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "replay/client/replay_client.h"

namespace pmoe {
namespace {

using std::chrono::milliseconds;

constexpr int kInFlight = 4;  // minibatches drawn ahead, at most
// Of several shards: so long without a request, and the counts are asked for. Every request takes
// the newest bound along.
constexpr milliseconds kCountsEvery{20};

// Draws which shard each row comes from; the shards' own streams have other indices.
constexpr uint32_t kSplitStream = 1000;

std::optional<InsertGrants> MakeGrants(const SampleBoardOptions& options) {
  if (options.shards == 1 || !options.limiter.has_value()) return std::nullopt;
  return InsertGrants(*options.limiter, options.shards);
}

}  // namespace

SampleBoard::SampleBoard(const SampleBoardOptions& options)
    : options_(options),
      changed_(options.clock),
      rng_(options.seed, RngRole::kReplay, kSplitStream),
      grants_(MakeGrants(options)),
      shards_(static_cast<size_t>(options.shards)),
      expected_(options.lockstep ? 0 : ReplayClient::kWithoutEnd) {
  const int64_t rows = options.shape().rows();
  if (options.limiter.has_value() && rows > options.limiter->sample_max) {
    failed_ = absl::InvalidArgumentError(
        absl::StrCat("limiter.sample_max is ", options.limiter->sample_max,
                     ", less than the batch of ", rows, " rows; raise it, or ask for fewer"));
  }
  // One more than are in flight: the one that the learner holds.
  for (int i = 0; i <= kInFlight; ++i) {
    jobs_.push_back(std::make_unique<Job>(options));
    free_.push_back(jobs_.back().get());
  }
}

void SampleBoard::Expect(int64_t batches) {
  MutexLock lock(&mu_);
  const int64_t ahead = static_cast<int64_t>(order_.size());
  expected_ =
      batches == ReplayClient::kWithoutEnd ? batches : std::max<int64_t>(batches - ahead, 0);
  Ask();
}

absl::StatusOr<Minibatch*> SampleBoard::Next(milliseconds timeout) {
  const Clock::Time deadline = options_.clock->Now() + timeout;
  MutexLock lock(&mu_);
  if (held_ != nullptr) free_.push_back(std::exchange(held_, nullptr));
  if (expected_ == 0 && order_.empty()) expected_ = 1;
  Ask();
  while (failed_.ok() && !IsFinished()) {
    if (!changed_.WaitUntil(&mu_, deadline)) return absl::DeadlineExceededError("");
  }
  PMOE_RETURN_IF_ERROR(failed_);
  held_ = order_.front();
  order_.pop_front();
  Ask();
  return &held_->batch;
}

void SampleBoard::OnPublish(uint64_t version) {
  MutexLock lock(&mu_);
  newest_version_ = std::max(newest_version_, version);
}

bool SampleBoard::IsFinished() const {
  return !order_.empty() && order_.front()->rows_missing == 0;
}

std::string SampleBoard::WaitsFor() const {
  MutexLock lock(&mu_);
  if (grants_.has_value() && !grants_->CanSample(options_.shape().rows()))
    return grants_->Explain();
  std::vector<std::string> names;
  for (const Shard& shard : shards_) {
    if (!shard.connected) {
      names.push_back(absl::StrCat(shard.name, " (", shard.away, ")"));
    } else if (!shard.asked.empty() || Weight(shard) == 0) {
      names.push_back(shard.name);
    }
  }
  return absl::StrJoin(names, " and ");
}

bool SampleBoard::MayAskAhead() const {
  if (options_.lockstep && options_.prioritized) return order_.empty() && held_ == nullptr;
  return order_.size() < static_cast<size_t>(kInFlight);
}

// Asks for as many minibatches as may be in flight.
void SampleBoard::Ask() {
  while (expected_ > 0 && !free_.empty() && MayAskAhead()) {
    if (grants_.has_value()) {
      if (!grants_->CanSample(options_.shape().rows())) break;
      grants_->OnSample(options_.shape().rows());
    }
    Job* const job = free_.back();
    free_.pop_back();
    job->rows_missing = options_.batch_size;
    order_.push_back(job);
    unplaced_.push_back({job, 0, options_.batch_size});
    if (expected_ != ReplayClient::kWithoutEnd) --expected_;
  }
  Place();
  changed_.NotifyAll();
}

// Rows that can be drawn there now.
int64_t SampleBoard::Weight(const Shard& shard) const {
  return shard.connected && shard.counted ? shard.counts.eligible : 0;
}

void SampleBoard::Place() {
  int64_t eligible = 0;
  for (const Shard& shard : shards_) eligible += Weight(shard);
  // One shard waits itself until it has rows.
  if (several() && eligible == 0) {
    if (grants_.has_value() && !unplaced_.empty()) grants_->LetIn();
    return;
  }
  for (; !unplaced_.empty(); unplaced_.pop_front()) {
    const Part& part = unplaced_.front();
    several() ? Split(part, eligible) : shards_[0].wanted.push_back(part);
  }
}

// A multinomial draw: each row's shard by its weight.
void SampleBoard::Split(const Part& part, int64_t eligible) {
  std::vector<int> rows(shards_.size(), 0);
  for (int i = 0; i < part.rows; ++i) {
    int64_t u = static_cast<int64_t>(rng_.UniformInt(static_cast<uint64_t>(eligible)));
    size_t shard = 0;
    while (u >= Weight(shards_[shard])) u -= Weight(shards_[shard++]);
    ++rows[shard];
  }
  int row = part.row;
  for (size_t shard = 0; shard < shards_.size(); ++shard) {
    if (rows[shard] == 0) continue;
    shards_[shard].wanted.push_back({part.job, row, rows[shard]});
    row += rows[shard];
  }
}

void SampleBoard::SetName(int shard, std::string name) {
  MutexLock lock(&mu_);
  at(shard).name = std::move(name);
}

void SampleBoard::OnConnect(int shard) {
  MutexLock lock(&mu_);
  at(shard).connected = true;
  at(shard).counted = false;
  at(shard).last_asked = {};
  Ask();
}

std::optional<SampleBoard::Request> SampleBoard::AwaitRequest(int shard) {
  MutexLock lock(&mu_);
  while (at(shard).connected) {
    if (const std::optional<Request> request = TakeRequest(shard)) return request;
    const bool counts_due = several() && at(shard).asked.empty();
    changed_.WaitUntil(&mu_, counts_due ? at(shard).last_asked + kCountsEvery : Clock::Time::max());
  }
  return std::nullopt;
}

std::optional<SampleBoard::Request> SampleBoard::TakeRequest(int shard) {
  Shard& asked = at(shard);
  const Clock::Time now = options_.clock->Now();
  Part part;
  if (!asked.wanted.empty()) {
    part = asked.wanted.front();
    asked.wanted.pop_front();
  } else if (!several() || !asked.asked.empty() || now < asked.last_asked + kCountsEvery) {
    return std::nullopt;
  }
  asked.asked.push_back(part);
  asked.last_asked = now;
  // A shard that was restarted counts anew: a bound means nothing to it before its counts are
  // known.
  const bool granted = grants_.has_value() && asked.counted;
  return Request{static_cast<uint32_t>(part.rows), granted ? grants_->Bound(shard) : 0,
                 newest_version_};
}

absl::StatusOr<BatchSlot> SampleBoard::NextSlot(int shard) {
  MutexLock lock(&mu_);
  const Shard& from = at(shard);
  if (from.asked.empty()) {
    return absl::DataLossError(absl::StrCat(from.name, " sent what nobody asked for"));
  }
  const Part& part = from.asked.front();
  return BatchSlot{part.job == nullptr ? nullptr : &part.job->batch, part.row, part.rows,
                   options_.reject_nonfinite};
}

void SampleBoard::OnReply(int shard, const ShardCounts& counts) {
  MutexLock lock(&mu_);
  Shard& from = at(shard);
  const Part part = from.asked.front();
  from.asked.pop_front();
  if (part.job != nullptr) part.job->rows_missing -= part.rows;
  if (grants_.has_value()) grants_->OnSample(-Filling(part));
  from.counted = true;
  from.counts = counts;
  if (grants_.has_value()) grants_->OnCounts(shard, counts.inserted);
  Ask();
}

int64_t SampleBoard::Filling(const Part& part) const {
  if (part.job == nullptr || options_.sequence_rows == 0) return 0;
  const uint32_t* const length = part.job->batch.length() + part.row;
  return int64_t{part.rows} * options_.sequence_rows -
         std::accumulate(length, length + part.rows, int64_t{0});
}

void SampleBoard::EndRequests(int shard) {
  MutexLock lock(&mu_);
  at(shard).connected = false;
  changed_.NotifyAll();
}

void SampleBoard::OnLost(int shard, const absl::Status& why) {
  MutexLock lock(&mu_);
  Shard& lost = at(shard);
  lost.away = std::string(why.message());
  if (options_.lockstep && !lost.asked.empty() && failed_.ok()) {
    const size_t owed = lost.asked.size();
    failed_ = absl::AbortedError(absl::StrCat(
        "lost ", lost.name, ", which still owed ", owed,
        owed == 1 ? " minibatch (" : " minibatches (", lost.away,
        "); lockstep cannot draw the same ones again: resume from the last checkpoint"));
  }
  // Older minibatches first: what was asked, then what was to be asked, then what waited before.
  for (std::deque<Part>* parts : {&lost.wanted, &lost.asked}) {
    for (; !parts->empty(); parts->pop_back()) {
      if (parts->back().job != nullptr) unplaced_.push_front(parts->back());
    }
  }
  Place();
  changed_.NotifyAll();
}

void SampleBoard::Fail(const absl::Status& why) {
  MutexLock lock(&mu_);
  if (failed_.ok()) failed_ = why;
  changed_.NotifyAll();
}

}  // namespace pmoe
