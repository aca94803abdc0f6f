#include "cli/sweep/sweep_runner.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/up/supervisor.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/config/seed_list.h"
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
  while (status.ok() && !interrupted && (!queue_.empty() || !processes_.empty())) {
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
  for (int free = options_.jobs - Trainings(); free > 0 && !queue_.empty();
       free = options_.jobs - Trainings()) {
    PMOE_ASSIGN_OR_RETURN(const Batch batch, TakeBatch(free));
    PMOE_RETURN_IF_ERROR(Start(batch, free));
  }
  return absl::OkStatus();
}

int SweepRunner::Trainings() const {
  int trainings = 0;
  for (const SweepProcess& process : processes_) trainings += process.trainings();
  return trainings;
}

bool SweepRunner::MayShare(const SweepRun& run) const {
  return !options_.separate && !run.family.empty() && alone_.count(run.index) == 0;
}

// Each run of a batch gets a place of its own, which is free again when the run ends: no place
// waits for another. Only where nothing but these runs is left may some wait within the process.
absl::StatusOr<SweepRunner::Batch> SweepRunner::TakeBatch(int free) {
  const SweepRun& first = RunOf(queue_.front());
  queue_.pop_front();
  PMOE_RETURN_IF_ERROR(ClearUnusable(first));
  Batch batch = {first.index};
  if (free < 2 || !MayShare(first)) return batch;
  const std::vector<std::string> words = FamilyWords(first);
  const bool nothing_else =
      processes_.empty() && std::all_of(queue_.begin(), queue_.end(), [&](int index) {
        return MayShare(RunOf(index)) && RunOf(index).family == first.family;
      });
  const size_t most = nothing_else ? kSeedsMax : static_cast<size_t>(free);
  for (auto at = queue_.begin(); at != queue_.end() && batch.size() < most;) {
    const SweepRun& run = RunOf(*at);
    const bool same_family = MayShare(run) && run.family == first.family;
    if (same_family) PMOE_RETURN_IF_ERROR(ClearUnusable(run));
    if (!same_family || FamilyWords(run) != words) {
      ++at;
      continue;
    }
    batch.push_back(*at);
    at = queue_.erase(at);
  }
  return batch;
}

absl::Status SweepRunner::Start(const Batch& batch, int free) {
  if (batch.size() > 1) return StartGroup(batch, free);
  const SweepRun& run = RunOf(batch.front());
  SweepProcessOptions process;
  process.words = Command(Words(run));
  process.log = plan_->Log(run);
  process.runs = {{run.config.seed(), run.index}};
  PMOE_ASSIGN_OR_RETURN(SweepProcess started, SweepProcess::Start(std::move(process)));
  processes_.push_back(std::move(started));
  OnBegun(run.index);
  return absl::OkStatus();
}

absl::Status SweepRunner::StartGroup(const Batch& batch, int free) {
  const SweepRun& first = RunOf(batch.front());
  SweepProcessOptions process;
  process.log = plan_->GroupLog(first);
  process.report = plan_->GroupReport(first);
  process.at_once = std::min(free, static_cast<int>(batch.size()));
  std::vector<uint64_t> seeds;
  for (const int index : batch) {
    seeds.push_back(RunOf(index).config.seed());
    process.runs[seeds.back()] = index;
    std::ofstream(plan_->Log(RunOf(index)), std::ios::app)
        << "trains beside other seeds in one process; its log: " << process.log << "\n";
  }
  process.words = FamilyWords(first);
  process.words.insert(process.words.end(),
                       {"--seeds", absl::StrJoin(seeds, ","), "--jobs",
                        absl::StrCat(process.at_once), "--seed-report", process.report});
  process.words = Command(std::move(process.words));
  PMOE_ASSIGN_OR_RETURN(SweepProcess started, SweepProcess::Start(std::move(process)));
  processes_.push_back(std::move(started));
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
  if (fs::exists(directory + "/config.textproto")) return ResumeWords(directory, run.config);
  std::vector<std::string> words = run.words;
  words.insert(words.end(), {"--out", directory});
  return words;
}

std::vector<std::string> SweepRunner::FamilyWords(const SweepRun& run) const {
  const std::string directory = plan_->Directory(run);
  std::vector<std::string> words = run.family_words;
  words.insert(words.end(), {"--out", plan_->FamilyPattern(run)});
  if (!fs::exists(directory + "/config.textproto")) return words;
  words = ResumeWords(directory, run.config);
  std::replace(words.begin(), words.end(), directory, plan_->FamilyPattern(run));
  return words;
}

std::vector<std::string> SweepRunner::Command(std::vector<std::string> words) const {
  words.insert(words.begin(), options_.binary);
  words.insert(words.end(), {"--dashboard", "none", "--parent", absl::StrCat(::getpid())});
  return words;
}

absl::Status SweepRunner::Reap(bool told) {
  for (auto at = processes_.begin(); at != processes_.end();) {
    const std::optional<ChildEnd> end = at->Poll();
    PMOE_RETURN_IF_ERROR(Hear(&*at, told));
    if (end.has_value()) PMOE_RETURN_IF_ERROR(OnEnd(*at, *end, told));
    at = end.has_value() ? processes_.erase(at) : std::next(at);
  }
  return absl::OkStatus();
}

absl::Status SweepRunner::Hear(SweepProcess* process, bool told) {
  for (const SweepNews& news : process->News()) {
    if (news.event == SeedEvent::kBegun) {
      OnBegun(news.index);
    } else {
      PMOE_RETURN_IF_ERROR(OnRunEnd(news.index, told ? "" : news.failure));
    }
  }
  return absl::OkStatus();
}

absl::Status SweepRunner::OnEnd(const SweepProcess& process, const ChildEnd& end, bool told) {
  if (process.is_group() && !told) {
    Separate(process, end);
    return absl::OkStatus();
  }
  for (const auto& [seed, index] : process.open()) {
    std::string failure;
    if (end.exit_code != 0 && !told) {
      const std::string tail = LastLines(plan_->Log(RunOf(index)), 1);
      failure = absl::StrCat(end.Text(), tail.empty() ? "" : ": ", tail);
    }
    // One that has not had its turn is as it was.
    if (RowOf(index).state != SweepState::kRunning) continue;
    PMOE_RETURN_IF_ERROR(OnRunEnd(index, failure));
  }
  return absl::OkStatus();
}

void SweepRunner::Separate(const SweepProcess& process, const ChildEnd& end) {
  if (process.open().empty()) return;
  Log(LogLevel::kWarning, "the process that trained ", process.open().size(),
      " runs beside each other ", end.Text(), "; each gets one of its own now");
  for (auto run = process.open().rbegin(); run != process.open().rend(); ++run) {
    alone_.insert(run->second);
    queue_.push_front(run->second);
    RowOf(run->second) = ReadSweepRow(*plan_, RunOf(run->second));
  }
}

void SweepRunner::OnBegun(int index) {
  std::error_code ignored;
  fs::remove(plan_->FailureNote(RunOf(index)), ignored);
  SweepRow& row = RowOf(index);
  row.state = SweepState::kRunning;
  row.failure.clear();
  options_.on_event(RunOf(index), row);
}

absl::Status SweepRunner::OnRunEnd(int index, const std::string& failure) {
  const SweepRun& run = RunOf(index);
  absl::Status status;
  if (!failure.empty()) status = WriteFileAtomic(plan_->FailureNote(run), failure + "\n");
  RowOf(index) = ReadSweepRow(*plan_, run);
  options_.on_event(run, RowOf(index));
  return status;
}

void SweepRunner::StopAll() {
  for (const SweepProcess& process : processes_) process.Signal(SIGTERM);
  const auto deadline = Clock::Real()->Now() + options_.grace;
  while (!processes_.empty() && Clock::Real()->Now() < deadline) {
    Reap(/*told=*/true).IgnoreError();
    Tick();
    Clock::Real()->Sleep(kPoll);
  }
  processes_.clear();  // killed
}

void SweepRunner::Tick() {
  const auto now = Clock::Real()->Now();
  if (now - ticked_ < kTick) return;
  ticked_ = now;
  for (const SweepRun& run : plan_->runs) {
    SweepRow& row = RowOf(run.index);
    if (row.state == SweepState::kRunning) row.progress = ReadRunProgress(plan_->Directory(run));
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
