// The control plane of a run in one process: the learner's thread publishes directives, actor
// threads follow them. What RunService and RunClient do over a network, this does with a mutex.
// Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "actor/run_client.h"
#include "common/base/mutex.h"

namespace pmoe {

class LocalRunLink {
 public:
  explicit LocalRunLink(int actors) : pending_(actors), reports_(actors) {}

  // Learner's side. Every actor gets the directive; its snapshot, when there is one, becomes the
  // newest.
  void Publish(const Directive& directive) ABSL_LOCKS_EXCLUDED(mu_);
  // One report of every actor, in actor order, after one Publish. Fails with an actor's error, or
  // when `timeout` has passed: DeadlineExceededError names the actors that are missing.
  absl::StatusOr<std::vector<ActorReport>> WaitReports(std::chrono::seconds timeout)
      ABSL_LOCKS_EXCLUDED(mu_);
  // Wakes everybody: NextDirective answers CancelledError.
  void Cancel() ABSL_LOCKS_EXCLUDED(mu_);

  // Actor's side.
  absl::StatusOr<Directive> Next(int actor) ABSL_LOCKS_EXCLUDED(mu_);
  void Report(int actor, ActorReport report) ABSL_LOCKS_EXCLUDED(mu_);
  void Fail(absl::Status status) ABSL_LOCKS_EXCLUDED(mu_);
  std::shared_ptr<const PolicySnapshot> Latest() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  mutable Mutex mu_;
  CondVar changed_;
  std::vector<std::optional<Directive>> pending_ ABSL_GUARDED_BY(mu_);    // [actors]
  std::vector<std::optional<ActorReport>> reports_ ABSL_GUARDED_BY(mu_);  // [actors]
  std::shared_ptr<const PolicySnapshot> latest_ ABSL_GUARDED_BY(mu_);
  absl::Status failure_ ABSL_GUARDED_BY(mu_);
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
};

// One actor's end of the link.
class LocalRunClient : public RunClient {
 public:
  LocalRunClient(LocalRunLink* link, int actor) : link_(link), actor_(actor) {}
  absl::StatusOr<Directive> NextDirective() override { return link_->Next(actor_); }
  std::shared_ptr<const PolicySnapshot> LatestSnapshot() override { return link_->Latest(); }
  absl::Status Report(ActorReport report) override {
    link_->Report(actor_, std::move(report));
    return absl::OkStatus();
  }

 private:
  LocalRunLink* const link_;
  const int actor_;
};

}  // namespace pmoe
