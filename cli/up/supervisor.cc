#include "cli/up/supervisor.h"

#include <signal.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace pmoe {
namespace {

constexpr std::chrono::milliseconds kPoll(20);
constexpr double kDelayFirst_s = 0.2;
constexpr double kDelayMax_s = 10.0;
constexpr std::chrono::seconds kHealthy(30);  // a life this long forgives the ones before
constexpr size_t kRestartsMax = 8;            // of one process within a minute
constexpr int kUserMendable = 2;              // exit code: trying again cannot help
constexpr int kTailLines = 5;

const char* KindName(ProcessKind kind) {
  switch (kind) {
    case ProcessKind::kLearner:
      return "learner";
    case ProcessKind::kActor:
      return "actor";
    case ProcessKind::kEvaluator:
      return "evaluator";
    default:
      return "replay";
  }
}

// What a process that ended had to say, unless the user has heard it: one without a log speaks to
// the same terminal. One that ends by itself says why; a log that holds no word of it could not be
// written.
std::string LastWords(const std::string& log, const ChildEnd& end) {
  if (log.empty()) return "";
  const std::string tail = LastLines(log, kTailLines);
  if (tail.empty() && end.exit_code <= 0) return "";
  if (!tail.empty()) return absl::StrCat("; its last words:\n", tail);
  return absl::StrCat("; it could write nothing to ", log, ", where ",
                      DiskSpaceAt(log).free_bytes >> 20, " MiB are free: make room if its disk is ",
                      "full, then resume");
}

}  // namespace

std::string LastLines(const std::string& path, int lines) {
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) return "";
  std::vector<std::string> all = absl::StrSplit(*text, '\n', absl::SkipEmpty());
  if (all.size() > static_cast<size_t>(lines)) all.erase(all.begin(), all.end() - lines);
  return absl::StrJoin(all, "\n");
}

Supervisor::Supervisor(SupervisorOptions options) : options_(std::move(options)) {
  for (const ProcessSpec& spec : options_.processes) {
    Process process;
    process.spec = spec;
    processes_.push_back(std::move(process));
  }
}

absl::Status Supervisor::Run(const std::atomic<bool>& interrupted) {
  absl::Status status = StartAll();
  if (status.ok()) status = Watch(interrupted);
  // A finished run's members were told by the learner and end by themselves.
  StopAll(/*told=*/status.ok() && !interrupted);
  if (!status.ok() || bad_stop_.empty()) return status;
  return absl::AbortedError(absl::StrCat(bad_stop_, "; the newest checkpoint may be an older one"));
}

absl::Status Supervisor::StartAll() {
  for (Process& process : processes_) PMOE_RETURN_IF_ERROR(Start(&process));
  return absl::OkStatus();
}

absl::Status Supervisor::Start(Process* process) {
  PMOE_ASSIGN_OR_RETURN(process->child, Child::Start(process->spec.words(), process->spec.log));
  process->started = Clock::Real()->Now();
  process->waiting = false;
  WritePids();
  return absl::OkStatus();
}

absl::Status Supervisor::Watch(const std::atomic<bool>& interrupted) {
  while (!interrupted) {
    for (Process& process : processes_) {
      if (process.waiting && Clock::Real()->Now() >= process.restart_at) {
        PMOE_RETURN_IF_ERROR(Start(&process));
      }
      if (!process.child.has_value()) continue;
      const std::optional<ChildEnd> end = process.child->Poll();
      if (!end.has_value()) continue;
      process.child.reset();
      if (process.spec.kind == ProcessKind::kLearner && options_.finished()) {
        if (end->exit_code == 0) return absl::OkStatus();
      }
      PMOE_RETURN_IF_ERROR(OnEnd(&process, *end));
    }
    Clock::Real()->Sleep(kPoll);
  }
  return absl::OkStatus();
}

absl::Status Supervisor::OnEnd(Process* process, const ChildEnd& end) {
  const ProcessKind kind = process->spec.kind;
  // The run is over for members a moment before the learner has ended.
  if (end.exit_code == 0 && kind != ProcessKind::kLearner && options_.finished())
    return absl::OkStatus();
  const std::string what = absl::StrCat(process->spec.name, " ", end.Text());
  const std::string told = LastWords(process->spec.log, end);
  if (end.exit_code == kUserMendable) return absl::FailedPreconditionError(what + told);
  if (!options_.restart && kind != ProcessKind::kEvaluator) {
    return absl::AbortedError(absl::StrCat(
        what, ", and a lockstep run cannot go on without it: resume it from its last checkpoint",
        told));
  }
  return ScheduleRestart(process, end);
}

absl::Status Supervisor::ScheduleRestart(Process* process, const ChildEnd& end) {
  const Clock::Time now = Clock::Real()->Now();
  if (now - process->started >= kHealthy) process->delay_s = 0.0;
  process->delay_s =
      process->delay_s == 0.0 ? kDelayFirst_s : std::min(1.6 * process->delay_s, kDelayMax_s);
  while (!process->recent.empty() && now - process->recent.front() > std::chrono::minutes(1)) {
    process->recent.pop_front();
  }
  process->recent.push_back(now);
  if (process->recent.size() > kRestartsMax) {
    return absl::AbortedError(absl::StrCat(
        process->spec.name, " ", end.Text(), " for the ", process->recent.size(),
        "th time within a minute; the cluster stops", LastWords(process->spec.log, end)));
  }
  ++process->restarts;
  process->restart_at =
      now + std::chrono::milliseconds(static_cast<int64_t>(1000.0 * process->delay_s));
  process->waiting = true;
  Log(LogLevel::kWarning, process->spec.name, " ", end.Text(), "; starts again in ",
      process->delay_s, " s (restart ", process->restarts, ")");
  return absl::OkStatus();
}

// The learner first, while everybody it needs for a checkpoint is there; then those who send rows,
// then replay, which keeps them.
void Supervisor::StopAll(bool told) {
  Stop({ProcessKind::kLearner}, options_.learner_grace, /*signal=*/true);
  Stop({ProcessKind::kActor, ProcessKind::kEvaluator}, options_.grace, /*signal=*/!told);
  Stop({ProcessKind::kReplay}, options_.grace, /*signal=*/!told);
}

void Supervisor::Stop(const std::vector<ProcessKind>& kinds, std::chrono::seconds grace,
                      bool signal) {
  const Clock::Time deadline = Clock::Real()->Now() + grace;
  std::vector<Process*> left;
  for (Process& process : processes_) {
    if (std::find(kinds.begin(), kinds.end(), process.spec.kind) == kinds.end()) continue;
    process.waiting = false;
    if (!process.child.has_value()) continue;
    if (signal) process.child->Signal(SIGTERM);
    left.push_back(&process);
  }
  while (!left.empty() && Clock::Real()->Now() < deadline) {
    std::erase_if(left, [this](Process* process) {
      const std::optional<ChildEnd> end = process->child->Poll();
      if (end.has_value() && end->exit_code != 0) OnBadStop(*process, end->Text());
      return end.has_value();
    });
    Clock::Real()->Sleep(kPoll);
  }
  for (Process* process : left) {
    Log(LogLevel::kWarning, process->spec.name, " did not end within ", grace.count(),
        " s; killed");
    OnBadStop(*process, "was killed while it stopped");
    process->child.reset();
  }
}

void Supervisor::OnBadStop(const Process& process, const std::string& how) {
  if (process.spec.kind == ProcessKind::kLearner)
    bad_stop_ = absl::StrCat(process.spec.name, " ", how);
}

// For people and tools that look for a process; a failure to write it must not end the run.
void Supervisor::WritePids() const {
  if (options_.pid_file.empty()) return;
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Process& process : processes_) {
    list.push_back({{"role", KindName(process.spec.kind)},
                    {"name", process.spec.name},
                    {"pid", process.child.has_value() ? process.child->pid() : 0},
                    {"restarts", process.restarts}});
  }
  WriteFileAtomic(options_.pid_file, list.dump(2) + "\n").IgnoreError();
}

}  // namespace pmoe
