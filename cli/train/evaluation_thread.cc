#include "cli/train/evaluation_thread.h"

#include <utility>

#include "common/base/log.h"

namespace pmoe {
namespace {
constexpr std::chrono::milliseconds kTick(100);
}  // namespace

EvaluationThread::EvaluationThread(std::unique_ptr<Evaluator> evaluator, EvaluationBacklog* backlog)
    : evaluator_(std::move(evaluator)),
      backlog_(backlog),
      thread_([this, role = Logger::ThreadRole()] {
        Logger::SetThreadRole(role);
        Loop();
      }) {}

EvaluationThread::~EvaluationThread() {
  stopping_ = true;
  thread_.join();
}

void EvaluationThread::Loop() {
  while (!stopping_) {
    const std::shared_ptr<const PolicySnapshot> snapshot = backlog_->Next(kTick);
    if (snapshot == nullptr) continue;
    const uint32_t stream = static_cast<uint32_t>(snapshot->env_steps);
    absl::StatusOr<Evaluation> evaluation =
        evaluator_->Run(snapshot, stream, [this] { return stopping_.load(); });
    if (!evaluation.ok()) {
      backlog_->Fail(evaluation.status());
      return;
    }
    backlog_->Finish(*snapshot, *std::move(evaluation));
  }
}

}  // namespace pmoe
