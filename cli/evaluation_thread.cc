#include "cli/evaluation_thread.h"

#include <utility>

namespace pmoe {
namespace {
constexpr size_t kWaitingMax = 2;
constexpr std::chrono::milliseconds kTick(200);
}  // namespace

EvaluationThread::EvaluationThread(std::unique_ptr<Evaluator> evaluator)
    : evaluator_(std::move(evaluator)), thread_([this] { Loop(); }) {}

EvaluationThread::~EvaluationThread() {
  {
    MutexLock lock(&mu_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  thread_.join();
}

void EvaluationThread::Submit(std::shared_ptr<const PolicySnapshot> snapshot) {
  MutexLock lock(&mu_);
  while (waiting_.size() >= kWaitingMax && failure_.ok()) changed_.WaitFor(&mu_, kTick);
  waiting_.push_back(std::move(snapshot));
  changed_.NotifyAll();
}

absl::StatusOr<std::deque<EvaluatedSnapshot>> EvaluationThread::Take(bool wait_all) {
  MutexLock lock(&mu_);
  while (wait_all && !waiting_.empty() && failure_.ok()) changed_.WaitFor(&mu_, kTick);
  if (!failure_.ok()) return failure_;
  return std::exchange(finished_, {});
}

bool EvaluationThread::Stopping() const {
  MutexLock lock(&mu_);
  return stopping_;
}

void EvaluationThread::Loop() {
  for (;;) {
    std::shared_ptr<const PolicySnapshot> snapshot;
    {
      MutexLock lock(&mu_);
      while (!stopping_ && waiting_.empty()) changed_.WaitFor(&mu_, kTick);
      if (stopping_) return;
      snapshot = waiting_.front();
    }
    const uint32_t stream = static_cast<uint32_t>(snapshot->env_steps);
    absl::StatusOr<Evaluation> evaluation =
        evaluator_->Run(snapshot, stream, [this] { return Stopping(); });
    MutexLock lock(&mu_);
    if (!evaluation.ok()) {
      failure_ = evaluation.status();
      changed_.NotifyAll();
      return;
    }
    waiting_.pop_front();
    finished_.push_back({std::move(snapshot), *std::move(evaluation)});
    changed_.NotifyAll();
  }
}

}  // namespace pmoe
