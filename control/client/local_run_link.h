// The control plane of a run in one process: the learner's thread publishes directives, actor
// threads follow them. What RunService and its clients do over a network, this does with a mutex.
// Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "control/core/actor_group.h"
#include "control/core/report_queues.h"
#include "control/core/run_client.h"

namespace pmoe {

class LocalRunLink : public ActorGroup {
 public:
  // may_lose_actors: their environments may fail by themselves.
  explicit LocalRunLink(int actors, bool may_lose_actors = false)
      : may_lose_actors_(may_lose_actors),
        pending_(actors),
        reports_(actors),
        env_steps_(actors) {}

  void Publish(const Directive& directive) override ABSL_LOCKS_EXCLUDED(mu_);
  void PublishSnapshot(std::shared_ptr<const PolicySnapshot> snapshot) override
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<std::vector<ActorReport>> WaitReports(std::chrono::seconds timeout) override
      ABSL_LOCKS_EXCLUDED(mu_);
  std::vector<ActorReport> TakeReports() override ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Failure() override ABSL_LOCKS_EXCLUDED(mu_);
  bool may_lose_actors() const override { return may_lose_actors_; }
  // Actors read the newest at their next step: nothing is on its way.
  uint64_t NewestVersionSeen() override ABSL_LOCKS_EXCLUDED(mu_);
  // Env steps of each actor since the start.
  std::vector<uint64_t> EnvSteps() const ABSL_LOCKS_EXCLUDED(mu_);
  // Wakes everybody: NextDirective answers CancelledError.
  void Cancel() ABSL_LOCKS_EXCLUDED(mu_);

  // Actor's side.
  absl::StatusOr<Directive> Next(int actor) ABSL_LOCKS_EXCLUDED(mu_);
  bool HasNext(int actor) const ABSL_LOCKS_EXCLUDED(mu_);
  void Report(int actor, ActorReport report) ABSL_LOCKS_EXCLUDED(mu_);
  void Fail(absl::Status status) ABSL_LOCKS_EXCLUDED(mu_);
  std::shared_ptr<const PolicySnapshot> Latest() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  const bool may_lose_actors_;
  mutable Mutex mu_;
  CondVar changed_;
  std::vector<std::optional<Directive>> pending_ ABSL_GUARDED_BY(mu_);  // [actors]
  ReportQueues reports_ ABSL_GUARDED_BY(mu_);
  std::vector<uint64_t> env_steps_ ABSL_GUARDED_BY(mu_);  // [actors]
  std::shared_ptr<const PolicySnapshot> latest_ ABSL_GUARDED_BY(mu_);
  absl::Status failure_ ABSL_GUARDED_BY(mu_);
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
};

// One actor's end of the link.
class LocalRunClient : public RunClient {
 public:
  LocalRunClient(LocalRunLink* link, int actor) : link_(link), actor_(actor) {}
  absl::StatusOr<Directive> NextDirective() override { return link_->Next(actor_); }
  bool HasDirective() override { return link_->HasNext(actor_); }
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
