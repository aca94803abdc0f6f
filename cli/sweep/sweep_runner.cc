#include "cli/sweep/sweep_runner.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/up/supervisor.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "run/run_directory.h"
#include "run/run_start.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kPoll(20);
constexpr std::chrono::seconds kTick(1);

}  // namespace

SweepRunner::SweepRunner(const SweepPlan* plan, SweepRunnerOptions options)
    : plan_(plan), options_(std::move(options)), rows_(ReadSweepRows(*plan)) {}

absl::Status SweepRunner::Run(const std::vector<int>& chosen,
                              const std::atomic<bool>& interrupted) {
  PMOE_RETURN_IF_ERROR(MakeDirs(plan_->out + "/logs"));
  Enqueue(chosen);
  absl::Status status;
  while (status.ok() && !interrupted && (!queue_.empty() || !children_.empty())) {
    status = StartSome();
    if (status.ok()) status = Reap(/*told=*/false);
    Tick();
    Clock::Real()->Sleep(kPoll);
  }
  StopAll();
  options_.on_tick(rows_);
  return status;
}

void SweepRunner::Enqueue(const std::vector<int>& chosen) {
  for (const int index : chosen) {
    const SweepState state = rows_[static_cast<size_t>(index)].state;
    if (state == SweepState::kFinished) continue;
    if (state == SweepState::kFailed && !options_.retry) continue;
    queue_.push_back(index);
  }
}

absl::Status SweepRunner::StartSome() {
  while (!queue_.empty() && children_.size() < static_cast<size_t>(options_.jobs)) {
    const int index = queue_.front();
    queue_.pop_front();
    PMOE_RETURN_IF_ERROR(Start(index));
  }
  return absl::OkStatus();
}

absl::Status SweepRunner::Start(int index) {
  const SweepRun& run = plan_->runs[static_cast<size_t>(index)];
  PMOE_RETURN_IF_ERROR(ClearUnusable(run));
  PMOE_ASSIGN_OR_RETURN(Child child, Child::Start(Words(run), plan_->Log(run)));
  children_.emplace(index, std::move(child));
  std::error_code ignored;
  fs::remove(plan_->FailureNote(run), ignored);
  SweepRow& row = rows_[static_cast<size_t>(index)];
  row.state = SweepState::kRunning;
  row.failure.clear();
  options_.on_event(run, row);
  return absl::OkStatus();
}

// A training that was killed before its first checkpoint cannot go on; it begins anew.
absl::Status SweepRunner::ClearUnusable(const SweepRun& run) const {
  const std::string directory = plan_->Directory(run);
  if (!fs::exists(directory + "/config.textproto")) return absl::OkStatus();
  if (NewestCheckpointIn(directory).ok()) return absl::OkStatus();
  // Locked, so that nobody trains there now.
  PMOE_ASSIGN_OR_RETURN(const RunDirectory held, RunDirectory::Open(directory));
  std::error_code error;
  fs::remove_all(directory, error);
  if (!error) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("cannot clear ", directory, " to begin it anew: ", error.message()));
}

std::vector<std::string> SweepRunner::Words(const SweepRun& run) const {
  const std::string directory = plan_->Directory(run);
  std::vector<std::string> words = {options_.binary};
  std::vector<std::string> more;
  if (fs::exists(directory + "/config.textproto")) {
    more = ResumeWords(directory, run.config);
  } else {
    more = run.words;
    more.insert(more.end(), {"--out", directory});
  }
  words.insert(words.end(), more.begin(), more.end());
  words.insert(words.end(), {"--dashboard", "none", "--parent", absl::StrCat(::getpid())});
  return words;
}

absl::Status SweepRunner::Reap(bool told) {
  for (auto at = children_.begin(); at != children_.end();) {
    const std::optional<ChildEnd> end = at->second.Poll();
    if (!end.has_value()) {
      ++at;
      continue;
    }
    const int index = at->first;
    at = children_.erase(at);
    PMOE_RETURN_IF_ERROR(OnEnd(index, *end, told));
  }
  return absl::OkStatus();
}

absl::Status SweepRunner::OnEnd(int index, const ChildEnd& end, bool told) {
  const SweepRun& run = plan_->runs[static_cast<size_t>(index)];
  absl::Status status;
  if (end.exit_code != 0 && !told) {
    const std::string tail = LastLines(plan_->Log(run), 1);
    status = WriteFileAtomic(plan_->FailureNote(run),
                             absl::StrCat(end.Text(), tail.empty() ? "" : ": ", tail, "\n"));
  }
  SweepRow& row = rows_[static_cast<size_t>(index)];
  row = ReadSweepRow(*plan_, run);
  options_.on_event(run, row);
  return status;
}

void SweepRunner::StopAll() {
  for (const auto& [index, child] : children_) child.Signal(SIGTERM);
  const auto deadline = Clock::Real()->Now() + options_.grace;
  while (!children_.empty() && Clock::Real()->Now() < deadline) {
    Reap(/*told=*/true).IgnoreError();
    Tick();
    Clock::Real()->Sleep(kPoll);
  }
  children_.clear();  // killed
}

void SweepRunner::Tick() {
  const auto now = Clock::Real()->Now();
  if (now - ticked_ < kTick) return;
  ticked_ = now;
  for (const auto& [index, child] : children_) {
    SweepRow& row = rows_[static_cast<size_t>(index)];
    row.progress = ReadRunProgress(plan_->Directory(plan_->runs[static_cast<size_t>(index)]));
  }
  options_.on_tick(rows_);
}

absl::Status LockSweep(const SweepPlan& plan) {
  PMOE_RETURN_IF_ERROR(MakeDirs(plan.out));
  const std::string path = plan.out + "/lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd >= 0 && ::flock(fd, LOCK_EX | LOCK_NB) == 0) return absl::OkStatus();
  if (fd < 0) return absl::FailedPreconditionError(absl::StrCat("cannot write ", path));
  ::close(fd);
  return absl::FailedPreconditionError(absl::StrCat("another `pmoe sweep` trains in ", plan.out,
                                                    "; wait for it, or give the file another out"));
}

}  // namespace pmoe
