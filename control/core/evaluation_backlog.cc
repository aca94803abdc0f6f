#include "control/core/evaluation_backlog.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace pmoe {
namespace {

constexpr size_t kWaitingMax = 2;
constexpr std::chrono::seconds kSubmitTimeout(600);

absl::Status NoEvaluator(size_t waiting, std::chrono::seconds wait) {
  return absl::DeadlineExceededError(
      absl::StrCat(waiting, " snapshots were not evaluated within ", wait.count(),
                   " s; is an evaluator running (pmoe status lists it)?"));
}

}  // namespace

void EvaluationBacklog::InterruptBy(const std::atomic<bool>* interrupted) {
  MutexLock lock(&mu_);
  interrupted_ = interrupted;
}

absl::Status EvaluationBacklog::Submit(std::shared_ptr<const PolicySnapshot> snapshot) {
  const Clock::Time deadline = clock_->Now() + kSubmitTimeout;
  MutexLock lock(&mu_);
  if (keep_ == Keep::kNewest) {
    while (waiting_.size() > (front_taken_ ? 1u : 0u)) {
      finished_.push_back({std::move(waiting_.back()), std::nullopt});
      waiting_.pop_back();
    }
  }
  while (waiting_.size() >= kWaitingMax && failure_.ok() && !interrupted()) {
    if (!changed_.WaitBriefly(&mu_, deadline)) return NoEvaluator(waiting_.size(), kSubmitTimeout);
  }
  waiting_.push_back(std::move(snapshot));
  changed_.NotifyAll();
  return failure_;
}

absl::StatusOr<std::deque<EvaluatedSnapshot>> EvaluationBacklog::Take(std::chrono::seconds wait) {
  const Clock::Time deadline = clock_->Now() + wait;
  MutexLock lock(&mu_);
  while (wait.count() > 0 && !waiting_.empty() && failure_.ok()) {
    if (interrupted()) return absl::CancelledError("interrupted before the evaluation was over");
    if (!changed_.WaitBriefly(&mu_, deadline)) return NoEvaluator(waiting_.size(), wait);
  }
  if (!failure_.ok()) return failure_;
  return std::exchange(finished_, {});
}

std::vector<std::shared_ptr<const PolicySnapshot>> EvaluationBacklog::Waiting() const {
  MutexLock lock(&mu_);
  std::vector<std::shared_ptr<const PolicySnapshot>> all;
  for (const EvaluatedSnapshot& finished : finished_) {
    if (finished.evaluation.has_value()) all.push_back(finished.snapshot);
  }
  all.insert(all.end(), waiting_.begin(), waiting_.end());
  return all;
}

void EvaluationBacklog::Restore(std::vector<std::shared_ptr<const PolicySnapshot>> waiting) {
  MutexLock lock(&mu_);
  waiting_.insert(waiting_.end(), waiting.begin(), waiting.end());
  changed_.NotifyAll();
}

std::shared_ptr<const PolicySnapshot> EvaluationBacklog::Next(std::chrono::milliseconds wait) {
  const Clock::Time deadline = clock_->Now() + wait;
  MutexLock lock(&mu_);
  while (waiting_.empty() && changed_.WaitUntil(&mu_, deadline)) {
  }
  if (waiting_.empty()) return nullptr;
  front_taken_ = true;
  return waiting_.front();
}

void EvaluationBacklog::Finish(const PolicySnapshot& snapshot,
                               std::optional<Evaluation> evaluation) {
  MutexLock lock(&mu_);
  if (waiting_.empty() || waiting_.front()->version != snapshot.version ||
      waiting_.front()->env_steps != snapshot.env_steps)
    return;
  finished_.push_back({std::move(waiting_.front()), std::move(evaluation)});
  waiting_.pop_front();
  front_taken_ = false;
  changed_.NotifyAll();
}

void EvaluationBacklog::Fail(absl::Status why) {
  MutexLock lock(&mu_);
  if (failure_.ok()) failure_ = std::move(why);
  changed_.NotifyAll();
}

}  // namespace pmoe
