#include "control/client/local_run_link.h"

#include <utility>

namespace pmoe {

void LocalRunLink::Publish(const Directive& directive) {
  MutexLock lock(&mu_);
  if (directive.snapshot != nullptr) latest_ = directive.snapshot;
  for (std::optional<Directive>& slot : pending_) slot = directive;
  changed_.NotifyAll();
}

void LocalRunLink::PublishSnapshot(std::shared_ptr<const PolicySnapshot> snapshot) {
  MutexLock lock(&mu_);
  latest_ = std::move(snapshot);
}

absl::StatusOr<std::vector<ActorReport>> LocalRunLink::WaitReports(std::chrono::seconds timeout) {
  const Clock::Time deadline = Clock::Real()->Now() + timeout;
  MutexLock lock(&mu_);
  do {
    if (!failure_.ok()) return failure_;
    if (auto round = reports_.TakeRound()) return *std::move(round);
  } while (changed_.WaitUntil(&mu_, deadline));
  return reports_.Late(timeout);
}

std::vector<ActorReport> LocalRunLink::TakeReports() {
  MutexLock lock(&mu_);
  return reports_.TakeAll();
}

absl::Status LocalRunLink::Failure() {
  MutexLock lock(&mu_);
  return failure_;
}

uint64_t LocalRunLink::NewestVersionSeen() {
  MutexLock lock(&mu_);
  return latest_ == nullptr ? 0 : latest_->version;
}

void LocalRunLink::Cancel() {
  MutexLock lock(&mu_);
  cancelled_ = true;
  changed_.NotifyAll();
}

absl::StatusOr<Directive> LocalRunLink::Next(int actor) {
  MutexLock lock(&mu_);
  while (!cancelled_ && !pending_[actor].has_value()) changed_.Wait(&mu_);
  if (cancelled_) return absl::CancelledError("the run is over");
  Directive directive = *std::move(pending_[actor]);
  pending_[actor].reset();
  return directive;
}

bool LocalRunLink::HasNext(int actor) const {
  MutexLock lock(&mu_);
  return cancelled_ || pending_[actor].has_value();
}

void LocalRunLink::Report(int actor, ActorReport report) {
  MutexLock lock(&mu_);
  env_steps_[actor] += report.env_steps;
  reports_.Push(actor, std::move(report));
  changed_.NotifyAll();
}

std::vector<uint64_t> LocalRunLink::EnvSteps() const {
  MutexLock lock(&mu_);
  return env_steps_;
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
