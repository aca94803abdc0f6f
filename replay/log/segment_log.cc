#include "replay/log/segment_log.h"

#include <algorithm>
#include <utility>

#include "common/base/log.h"

namespace pmoe {
namespace {

constexpr std::chrono::seconds kTryAgain{1};
constexpr std::chrono::seconds kSayAgain{30};
constexpr std::chrono::seconds kOnDiskMax{5};
constexpr std::chrono::milliseconds kAskAgain{100};  // how often a wait asks its `stop`

double Seconds(Clock::Time::duration time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

std::unique_ptr<SegmentLog> SegmentLog::Start(SegmentLogOptions options) {
  return std::unique_ptr<SegmentLog>(new SegmentLog(std::move(options)));
}

SegmentLog::SegmentLog(SegmentLogOptions options)
    : options_(std::move(options)),
      writer_(options_.dir, options_.owner, options_.segment_bytes),
      position_(options_.position),
      write_at_(options_.clock->Now()),
      end_(options_.position),
      on_disk_(options_.position) {
  if (options_.own_thread) thread_ = std::thread([this] { Loop(); });
}

SegmentLog::~SegmentLog() {
  {
    MutexLock lock(&mu_);
    stopping_ = true;
    work_.NotifyAll();
    written_.NotifyAll();
  }
  if (options_.own_thread)
    thread_.join();
  else
    Turn();
}

void SegmentLog::Append(std::string record) {
  const Clock::Time now = options_.clock->Now();
  MutexLock lock(&mu_);
  if (waiting_.empty()) waiting_since_ = now;
  if (on_disk_ == end_) oldest_ = now;
  waiting_bytes_ += static_cast<int64_t>(record.size());
  waiting_.push_back(std::move(record));
  ++end_;
  if (waiting_.size() == 1) work_.NotifyAll();
}

uint64_t SegmentLog::end() const {
  MutexLock lock(&mu_);
  return end_;
}

void SegmentLog::AwaitOnDisk(uint64_t position) {
  MutexLock lock(&mu_);
  const Clock::Time now = options_.clock->Now();
  const Clock::Time deadline = now + kOnDiskMax;
  if (counts_.failing.empty()) {  // else it is tried again when it is due
    write_at_ = std::min(write_at_, now);
    work_.NotifyAll();
  }
  while (on_disk_ < position && counts_.failing.empty() && !stopping_ &&
         written_.WaitUntil(&mu_, deadline)) {
  }
}

bool SegmentLog::MayAcknowledge(uint64_t position) const {
  if (on_disk_ >= position) return true;
  if (options_.acks_wait) return false;
  return !counts_.failing.empty() || options_.clock->Now() - oldest_ <= options_.loss_max;
}

absl::Status SegmentLog::AwaitAck(const std::function<bool()>& stop) {
  MutexLock lock(&mu_);
  const uint64_t position = end_;
  Clock::Time ask_at = options_.clock->Now() + kAskAgain;
  while (!MayAcknowledge(position)) {
    if (stopping_) return absl::CancelledError("the log is closed");
    written_.WaitUntil(&mu_, ask_at);
    if (options_.clock->Now() < ask_at) continue;
    mu_.Unlock();
    const bool stopped = stop();
    mu_.Lock();
    if (stopped) return absl::CancelledError("nobody waits for the log any more");
    ask_at = options_.clock->Now() + kAskAgain;
  }
  return absl::OkStatus();
}

bool SegmentLog::AwaitWork(bool again) {
  while (!stopping_) {
    if (waiting_.empty() && !again) {
      work_.Wait(&mu_);
    } else if (!work_.WaitUntil(&mu_, write_at_)) {
      return true;  // it is due
    }
  }
  return again || !waiting_.empty();
}

void SegmentLog::OnWritten(const absl::Status& status, size_t records, double sync_s) {
  counts_.sync_s += sync_s;
  if (status.ok()) {
    counts_.bytes += writer_.bytes();
    counts_.failing.clear();
    on_disk_ += records;
    oldest_ = waiting_since_;
  } else {
    ++counts_.errors;
    counts_.failing = std::string(status.message());
  }
  written_.NotifyAll();
}

void SegmentLog::Loop() {
  for (bool last = false; !last;) {
    {
      MutexLock lock(&mu_);
      if (!AwaitWork(!taken_.empty())) return;
      last = stopping_;
      Take();
    }
    WriteTaken();
  }
}

void SegmentLog::Turn() {
  {
    MutexLock lock(&mu_);
    if (waiting_.empty() && taken_.empty()) return;
    if (options_.clock->Now() < write_at_ && !stopping_) return;
    Take();
  }
  WriteTaken();
}

void SegmentLog::Take() {
  std::move(waiting_.begin(), waiting_.end(), std::back_inserter(taken_));
  waiting_.clear();
  taken_bytes_ += std::exchange(waiting_bytes_, 0);
  write_at_ = options_.clock->Now() +
              (options_.acks_wait ? std::chrono::milliseconds(0) : options_.sync_every);
}

void SegmentLog::WriteTaken() {
  const absl::Status status = writer_.Write(position_, taken_);
  {
    MutexLock lock(&mu_);
    OnWritten(status, taken_.size(), writer_.sync_s());
    const bool drop =
        !status.ok() && !options_.acks_wait && taken_bytes_ > options_.pending_bytes_max;
    if (drop) {
      counts_.dropped += static_cast<int64_t>(taken_.size());
      on_disk_ += taken_.size();
      oldest_ = waiting_since_;
    }
    if (status.ok() || drop) {
      position_ += taken_.size();
      taken_.clear();
      taken_bytes_ = 0;
    } else {
      write_at_ = options_.clock->Now() + kTryAgain;
    }
  }
  Report(status);
}

void SegmentLog::Report(const absl::Status& status) {
  if (status.ok() && said_) {
    said_ = false;
    Log(LogLevel::kInfo, "the replay log can be written again");
  }
  const Clock::Time now = options_.clock->Now();
  if (status.ok() || (said_ && now - said_at_ < kSayAgain)) return;
  said_ = true;
  said_at_ = now;
  Log(LogLevel::kError, "the replay log fails: ", status.message(), "; ",
      options_.acks_wait ? "rows are not acknowledged until it can be written (durability wal)"
                         : "rows are acknowledged that a kill would lose (durability async)");
}

SegmentLogStats SegmentLog::stats() const {
  MutexLock lock(&mu_);
  SegmentLogStats stats = counts_;
  stats.end = end_;
  stats.on_disk = on_disk_;
  if (on_disk_ < end_) stats.behind_s = Seconds(options_.clock->Now() - oldest_);
  return stats;
}

}  // namespace pmoe
