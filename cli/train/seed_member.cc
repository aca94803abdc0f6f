#include "cli/train/seed_member.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/train/begin_run.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "run/seed_run.h"

namespace pmoe {

SeedMember::SeedMember(RunConfig config, RunDirectory directory, const EnvRecord* env, bool resume)
    : config_(std::move(config)),
      path_(directory.path()),
      directory_(std::move(directory)),
      env_(env),
      resume_(resume) {
  view_.seed = config_.seed();
  view_.progress.total_steps = TotalSteps(config_);
  if (!resume) return;
  view_.progress.env_steps = static_cast<int64_t>(directory_->NewestCheckpoint().value_or(0));
}

SeedMember::SeedMember(RunConfig config, std::string path)
    : config_(std::move(config)), path_(std::move(path)) {
  view_.seed = config_.seed();
  view_.state = MemberState::kFinished;
  view_.progress.env_steps = view_.progress.total_steps = TotalSteps(config_);
  view_.progress.eval_return = ReadLastMetrics(path_).eval_return;
}

void SeedMember::Run(const std::atomic<bool>& interrupted) {
  Logger::SetThreadRole(absl::StrCat("train seed ", seed()));
  Enter(MemberState::kRunning, absl::OkStatus());
  const absl::Status status = Train(interrupted);
  const bool finished = status.ok() && steps_left() == 0;
  Enter(!status.ok() ? MemberState::kFailed
        : finished   ? MemberState::kFinished
                     : MemberState::kStopped,
        status);
  std::unique_ptr<EmbeddedRun> run;
  {
    MutexLock lock(&mu_);
    run = std::move(run_);
  }
  run.reset();  // its memory is the next one's
  Logger::SetThreadRole("");
}

absl::Status SeedMember::Train(const std::atomic<bool>& interrupted) {
  PMOE_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedRun> made,
                        BeginRun(*directory_, config_, *env_, {resume_, /*show_progress=*/false}));
  EmbeddedRun* const run = made.get();
  {
    MutexLock lock(&mu_);
    run_ = std::move(made);
  }
  Count();
  const absl::Status status = run->Train(interrupted);
  Count();
  return status;
}

void SeedMember::Enter(MemberState state, absl::Status failure) {
  MutexLock lock(&mu_);
  view_.state = state;
  failure_ = std::move(failure);
}

void SeedMember::Count() {
  const std::optional<double> eval_return = ReadLastMetrics(path_).eval_return;
  MutexLock lock(&mu_);
  view_.progress.eval_return = eval_return;
  view_.progress.env_steps = static_cast<int64_t>(run_->env_steps());
  view_.progress.total_steps = static_cast<int64_t>(run_->total_steps());
}

MemberView SeedMember::View() const {
  MutexLock lock(&mu_);
  MemberView view = view_;
  if (run_ == nullptr) return view;
  const RunStatus status = run_->Status();
  view.progress.env_steps =
      std::max(view.progress.env_steps, static_cast<int64_t>(status.env_steps()));
  view.progress.env_steps_per_s = status.env_steps_per_s();
  view.progress.updates_per_s = status.updates_per_s();
  if (status.has_evaluation()) view.progress.eval_return = status.eval_return();
  return view;
}

std::optional<RunStatus> SeedMember::Status() const {
  MutexLock lock(&mu_);
  if (run_ == nullptr) return std::nullopt;
  return run_->Status();
}

absl::Status SeedMember::failure() const {
  MutexLock lock(&mu_);
  return failure_;
}

uint64_t SeedMember::steps_left() const {
  MutexLock lock(&mu_);
  return static_cast<uint64_t>(
      std::max<int64_t>(view_.progress.total_steps - view_.progress.env_steps, 0));
}

}  // namespace pmoe
