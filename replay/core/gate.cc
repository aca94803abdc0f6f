#include "replay/core/gate.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "replay/core/chunk.h"

namespace pmoe {
namespace {

constexpr std::chrono::milliseconds kAskAgain{100};  // how often a wait asks its `stop`

}  // namespace

absl::Status GateOptions::Validate() const {
  if (!limiter.has_value()) return absl::OkStatus();
  PMOE_RETURN_IF_ERROR(limiter->Validate());
  if (granted_inserts) {
    return absl::InvalidArgumentError(
        "a shard has a limiter or granted_inserts, not both; with several shards the learner "
        "limits");
  }
  if (limiter->insert_max >= kPageRows) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("limiter.insert_max must be >= ", kPageRows,
                                                 ", the rows of a chunk, got ",
                                                 limiter->insert_max));
}

Gate::Gate(const GateOptions& options, Clock* clock) : options_(options), clock_(clock) {
  if (options.limiter.has_value()) limiter_.emplace(*options.limiter);
}

bool Gate::MayInsert(int64_t rows) const {
  if (options_.granted_inserts) return inserted_ + rows <= insert_bound_;
  return !limiter_.has_value() || limiter_->CanInsert(rows);
}

bool Gate::MaySample(int64_t rows) const {
  return !limiter_.has_value() || limiter_->CanSample(rows);
}

void Gate::OnInsert(int64_t rows) {
  inserted_ += rows;
  if (limiter_.has_value()) limiter_->OnInsert(rows);
}

void Gate::OnSample(int64_t rows) {
  if (limiter_.has_value()) limiter_->OnSample(rows);
}

std::string Gate::Explain() const {
  if (limiter_.has_value()) return limiter_->Explain();
  if (!options_.granted_inserts) return "the rate limiter is off";
  const std::string bound =
      absl::StrCat(inserted_, " rows inserted, the learner granted ", insert_bound_);
  return MayInsert(kPageRows) ? absl::StrCat("neither side is blocked: ", bound)
                              : absl::StrCat("inserts wait for the learner's grant: ", bound);
}

int64_t Gate::LeastRows(Side side) const {
  const std::list<Waiter>& line = sides_[side].line;
  if (line.empty()) return 0;
  if (IsLine(side)) return line.front().rows;
  return std::min_element(line.begin(), line.end(),
                          [](const Waiter& a, const Waiter& b) { return a.rows < b.rows; })
      ->rows;
}

int64_t Gate::LeastChosen(Side side) const {
  const std::list<Waiter>& line = sides_[side].line;
  if (line.empty()) return 0;
  return std::min_element(line.begin(), line.end(),
                          [](const Waiter& a, const Waiter& b) { return a.chosen < b.chosen; })
      ->chosen;
}

void Gate::Wake(Side side) {
  std::list<Waiter>& line = sides_[side].line;
  if (!IsLine(side)) return WakeAll(side);
  if (!line.empty()) line.front().changed.NotifyAll();
}

void Gate::WakeAll(Side side) {
  for (Waiter& waiter : sides_[side].line) waiter.changed.NotifyAll();
}

absl::Status Gate::Await(Mutex* mu, const Turn& turn, const WaitLimit& limit) {
  Waiters& waiters = sides_[turn.side];
  const Clock::Time began = clock_->Now();
  const Clock::Time deadline = began + limit.timeout;
  Clock::Time ask_at = limit.stop == nullptr ? Clock::Time::max() : began + kAskAgain;
  waiters.blocked.Begin(began);
  if (limit.on_wait) limit.on_wait(true);
  const auto self = waiters.line.emplace(waiters.line.end(), turn, clock_);
  const auto first = [&] { return !IsLine(turn.side) || self == waiters.line.begin(); };
  absl::Status status = cancelled_;
  while (status.ok() && turn.blocked(first())) {
    if (clock_->Now() >= deadline) {
      // While this call still counts as one that waits: the text says who does.
      status = absl::DeadlineExceededError(
          absl::StrCat(turn.what, " after ", limit.timeout.count(), " ms: ", turn.why()));
      break;
    }
    self->changed.WaitUntil(mu, std::min(deadline, ask_at));
    status = cancelled_;
    if (clock_->Now() < ask_at) continue;
    // Without the lock: `stop` may look at a connection, and others must get on.
    mu->Unlock();
    const bool stop = limit.stop();
    mu->Lock();
    ask_at = clock_->Now() + kAskAgain;
    status = stop ? absl::CancelledError("nobody waits for it any more") : cancelled_;
  }
  const bool led = IsLine(turn.side) && first();
  waiters.line.erase(self);
  if (led && !status.ok()) Wake(turn.side);  // whoever is the first now may bring fewer rows
  waiters.blocked.End(began, clock_->Now());
  if (limit.on_wait) limit.on_wait(false);
  return status;
}

void Gate::Cancel(absl::Status why) {
  if (cancelled_.ok()) cancelled_ = std::move(why);
  for (const Side side : {kInserts, kSamples, kRounds, kVersions}) WakeAll(side);
}

BlockedSeconds Gate::Blocked(Side side) const {
  const Clock::Time now = clock_->Now();
  return {sides_[side].blocked.Total_s(now), sides_[side].blocked.Current_s(now)};
}

void Gate::SaveState(ByteWriter* out) const {
  out->Pod(static_cast<uint8_t>(limiter_.has_value()));
  if (limiter_.has_value()) limiter_->SaveState(out);
}

absl::Status Gate::LoadState(ByteReader* in) {
  uint8_t limited = 0;
  in->Pod(&limited);
  // The command line decides whether there is a limiter; a new one begins to count at once.
  RateLimiter saved = limiter_.value_or(RateLimiter({}));
  if (limited != 0) PMOE_RETURN_IF_ERROR(saved.LoadState(in));
  if (limiter_.has_value()) limiter_ = saved;
  return absl::OkStatus();
}

void Gate::Adopt(const Gate& loaded) {
  limiter_ = loaded.limiter_;
  inserted_ = loaded.inserted_;
}

}  // namespace pmoe
