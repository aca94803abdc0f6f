#include "cli/train/seed_group.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/base/stopwatch.h"
#include "common/base/thread_name.h"

namespace pmoe {
namespace {

std::string HowItEnded(const MemberView& view, double seconds) {
  const ProgressState& progress = view.progress;
  const std::string steps = absl::StrFormat("%d of %d env steps in %.0f s", progress.env_steps,
                                            progress.total_steps, seconds);
  const std::string result = progress.eval_return.has_value()
                                 ? absl::StrFormat(", return %.1f", *progress.eval_return)
                                 : "";
  return absl::StrCat(view.state == MemberState::kFinished ? "finished: " : "stopped: ", steps,
                      result);
}

absl::Status OpenNote(const std::string& path, std::optional<AppendFile>* note) {
  if (path.empty()) return absl::OkStatus();
  absl::StatusOr<AppendFile> file = AppendFile::Open(path);
  if (absl::IsNotFound(file.status())) file = AppendFile::Create(path);
  PMOE_RETURN_IF_ERROR(file.status());
  *note = *std::move(file);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<SeedGroup>> SeedGroup::Create(
    std::vector<std::unique_ptr<SeedMember>> members, ProgressOptions progress,
    const SeedNotes& notes) {
  std::unique_ptr<SeedGroup> group(new SeedGroup(std::move(members), std::move(progress)));
  MutexLock lock(&group->mu_);
  PMOE_RETURN_IF_ERROR(OpenNote(notes.log, &group->log_));
  PMOE_RETURN_IF_ERROR(OpenNote(notes.report, &group->report_));
  return group;
}

void SeedGroup::Train(int at_once, const std::atomic<bool>& interrupted) {
  std::vector<std::thread> threads;
  for (int left = Enqueue(at_once); left > 0; --left) {
    threads.emplace_back([this, &interrupted] { Work(interrupted); });
  }
  ShowUntilTheEnd();
  for (std::thread& thread : threads) thread.join();
}

int SeedGroup::Enqueue(int at_once) {
  MutexLock lock(&mu_);
  for (const auto& member : members_) {
    if (member->View().state == MemberState::kWaiting) queue_.push_back(member.get());
  }
  // The one with most to do first: its end is the end of all.
  std::reverse(queue_.begin(), queue_.end());
  std::stable_sort(queue_.begin(), queue_.end(), [](const SeedMember* a, const SeedMember* b) {
    return a->steps_left() < b->steps_left();
  });
  return working_ = std::min(at_once, static_cast<int>(queue_.size()));
}

void SeedGroup::ShowUntilTheEnd() {
  const Stopwatch watch;
  const int64_t steps_before = SumOf(Views(), 0.0).env_steps;
  double updates = 0.0;
  Stopwatch since_look;
  for (bool all_ended = false; !all_ended;) {
    const ProgressState now = SumOf(Views(), watch.Elapsed());
    // The last line comes once, when the last checkpoint is written.
    if (now.env_steps < now.total_steps) progress_.Update(now);
    updates += now.updates_per_s * since_look.Lap();
    MutexLock lock(&mu_);
    if (working_ > 0) ended_.WaitBriefly(&mu_);
    all_ended = working_ == 0;
  }
  ProgressState end = SumOf(Views(), watch.Elapsed());
  end.env_steps_per_s = static_cast<double>(end.env_steps - steps_before) / watch.Elapsed();
  end.updates_per_s = updates / watch.Elapsed();
  progress_.Update(end);
  progress_.Finish();
}

void SeedGroup::Work(const std::atomic<bool>& interrupted) {
  while (!interrupted) {
    SeedMember* const member = Next();
    if (member == nullptr) break;
    RunOne(member, interrupted);
  }
  MutexLock lock(&mu_);
  --working_;
  ended_.NotifyAll();
}

SeedMember* SeedGroup::Next() {
  MutexLock lock(&mu_);
  if (queue_.empty()) return nullptr;
  SeedMember* const next = queue_.back();
  queue_.pop_back();
  return next;
}

void SeedGroup::RunOne(SeedMember* member, const std::atomic<bool>& interrupted) {
  NameThread(absl::StrCat("seed ", member->seed()).c_str());
  const Stopwatch watch;
  const int64_t before = member->View().progress.env_steps;
  Say(LogLevel::kInfo, *member,
      before > 0 ? absl::StrCat("resumed from ", before, " env steps") : "started");
  Report(*member, SeedEvent::kBegun);
  member->Run(interrupted);
  const MemberView view = member->View();
  if (view.state != MemberState::kFailed) {
    Say(LogLevel::kInfo, *member, HowItEnded(view, watch.Elapsed()));
    Report(*member, SeedEvent::kEnded);
    return;
  }
  const std::string why(member->failure().message());
  Say(LogLevel::kError, *member,
      absl::StrCat("stopped at ", view.progress.env_steps, " env steps: ", why));
  Report(*member, SeedEvent::kFailed, why);
}

std::vector<MemberView> SeedGroup::Views() const {
  std::vector<MemberView> views;
  for (const auto& member : members_) views.push_back(member->View());
  return views;
}

void SeedGroup::Say(LogLevel level, const SeedMember& member, const std::string& text) {
  const std::string before = Logger::ThreadRole();
  Logger::SetThreadRole(absl::StrCat("train seed ", member.seed()));
  Log(level, text);
  Logger::SetThreadRole(before);
  const std::string time =
      absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::Now(), absl::LocalTimeZone());
  MutexLock lock(&mu_);
  if (!log_.has_value()) return;
  log_->Append(absl::StrCat(time, " seed ", member.seed(), " ", text, "\n")).IgnoreError();
}

void SeedGroup::Report(const SeedMember& member, SeedEvent event, absl::string_view failure) {
  MutexLock lock(&mu_);
  if (!report_.has_value()) return;
  report_->Append(SeedReportLine({member.seed(), event, std::string(failure)})).IgnoreError();
}

}  // namespace pmoe
