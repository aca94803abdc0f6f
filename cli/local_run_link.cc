#include "cli/local_run_link.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace pmoe {
namespace {
// Waits look at their predicate at least this often, so a lost wake-up costs a moment and never a
// hang.
constexpr std::chrono::milliseconds kTick(200);
}  // namespace

void LocalRunLink::Publish(const Directive& directive) {
  MutexLock lock(&mu_);
  if (directive.snapshot != nullptr) latest_ = directive.snapshot;
  for (std::optional<Directive>& slot : pending_) slot = directive;
  changed_.NotifyAll();
}

absl::StatusOr<std::vector<ActorReport>> LocalRunLink::WaitReports(std::chrono::seconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  MutexLock lock(&mu_);
  for (;;) {
    if (!failure_.ok()) return failure_;
    std::vector<size_t> missing;
    for (size_t actor = 0; actor < reports_.size(); ++actor) {
      if (!reports_[actor].has_value()) missing.push_back(actor);
    }
    if (missing.empty()) break;
    if (std::chrono::steady_clock::now() >= deadline) {
      return absl::DeadlineExceededError(
          absl::StrCat("no report for ", timeout.count(), " s from actor ",
                       absl::StrJoin(missing, ", "), "; the run stops"));
    }
    changed_.WaitFor(&mu_, kTick);
  }
  std::vector<ActorReport> reports;
  for (std::optional<ActorReport>& slot : reports_) {
    reports.push_back(*std::move(slot));
    slot.reset();
  }
  return reports;
}

void LocalRunLink::Cancel() {
  MutexLock lock(&mu_);
  cancelled_ = true;
  changed_.NotifyAll();
}

absl::StatusOr<Directive> LocalRunLink::Next(int actor) {
  MutexLock lock(&mu_);
  while (!cancelled_ && !pending_[actor].has_value()) changed_.WaitFor(&mu_, kTick);
  if (cancelled_) return absl::CancelledError("the run is over");
  Directive directive = *std::move(pending_[actor]);
  pending_[actor].reset();
  return directive;
}

void LocalRunLink::Report(int actor, ActorReport report) {
  MutexLock lock(&mu_);
  reports_[actor] = std::move(report);
  changed_.NotifyAll();
}

void LocalRunLink::Fail(absl::Status status) {
  MutexLock lock(&mu_);
  if (failure_.ok()) failure_ = std::move(status);
  changed_.NotifyAll();
}

std::shared_ptr<const PolicySnapshot> LocalRunLink::Latest() const {
  MutexLock lock(&mu_);
  return latest_;
}

}  // namespace pmoe
