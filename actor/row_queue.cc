#include "actor/row_queue.h"

#include <utility>

#include "common/base/check.h"

namespace pmoe {

RowQueue::RowQueue(TransitionWriter* writer, size_t rows_max)
    : writer_(writer), rows_max_(rows_max), thread_([this] { Work(); }) {
  PMOE_CHECK(rows_max >= 1);
}

RowQueue::~RowQueue() { Close(std::chrono::milliseconds(0)); }

RowQueue::Row RowQueue::Copy(uint32_t env, const Transition& from) {
  Row row{.env = env,
          .values = from,
          .obs = {from.obs.begin(), from.obs.end()},
          .action = {from.action.begin(), from.action.end()},
          .next_obs = {from.next_obs.begin(), from.next_obs.end()},
          .extra = {from.extra.begin(), from.extra.end()}};
  row.values.obs = row.obs;
  row.values.action = row.action;
  row.values.next_obs = row.next_obs;
  row.values.extra = row.extra;
  return row;
}

absl::Status RowQueue::Write(uint32_t env, const Transition& transition) {
  const bool done = transition.terminated || transition.truncated;
  MutexLock lock(&mu_);
  if (!failure_.ok()) return failure_;
  if (cut_.contains(env)) {
    ++left_out_;
    if (done) cut_.erase(env);
    return absl::OkStatus();
  }
  if (rows_.size() >= rows_max_) {  // an episode that begins
    ++left_out_;
    if (!done) cut_.insert(env);
    return absl::OkStatus();
  }
  rows_.push_back(Copy(env, transition));
  // The last row that fits is the last of its episode, as far as replay sees.
  if (rows_.size() >= rows_max_ && !done) {
    rows_.back().values.truncated = true;
    cut_.insert(env);
  }
  changed_.NotifyAll();
  return absl::OkStatus();
}

absl::Status RowQueue::EndRound(uint64_t) {
  return absl::FailedPreconditionError(
      "a paced actor has no rounds; use schedule.mode=async with actor.real_time_hz");
}

absl::Status RowQueue::LoadState(ByteReader*) { return EndRound(0); }

void RowQueue::Work() {
  for (;;) {
    const Row* row = nullptr;
    {
      MutexLock lock(&mu_);
      while (rows_.empty() && !over_) changed_.Wait(&mu_);
      if (rows_.empty() || !failure_.ok()) return;
      row = &rows_.front();  // stays where it is while others are added
    }
    const absl::Status status = writer_->Write(row->env, row->values);
    MutexLock lock(&mu_);
    rows_.pop_front();
    failure_ = status;
    changed_.NotifyAll();
  }
}

size_t RowQueue::Close(std::chrono::milliseconds timeout) {
  if (!thread_.joinable()) return 0;
  const Clock::Time deadline = Clock::Real()->Now() + timeout;
  bool handed_on = false;
  {
    MutexLock lock(&mu_);
    while (!rows_.empty() && failure_.ok() && changed_.WaitUntil(&mu_, deadline)) {
    }
    over_ = true;
    handed_on = rows_.empty();
    changed_.NotifyAll();
  }
  if (!handed_on) writer_->Cancel();
  thread_.join();
  MutexLock lock(&mu_);
  const size_t lost = rows_.size();
  left_out_ += lost;
  rows_.clear();
  return lost;
}

size_t RowQueue::waiting() const {
  MutexLock lock(&mu_);
  return rows_.size();
}

uint64_t RowQueue::TakeLeftOut() {
  MutexLock lock(&mu_);
  return std::exchange(left_out_, 0);
}

}  // namespace pmoe
