// The meeting point of the learner's thread and the streams of its followers: the directive that
// stands, the newest snapshot, reports, who is there. Knows messages, not gRPC. Thread-safe; no
// call waits without a deadline.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/base/stopwatch.h"
#include "control/core/actor_group.h"
#include "control/core/report_queues.h"
#include "control/service/env_agreement.h"
#include "control/service/roster.h"
#include "control/service/run_hub_types.h"
#include "control/wire/sense.h"
#include "proto/run.pb.h"

namespace pmoe {

class RunHub : public ActorGroup {
 public:
  explicit RunHub(RunHubOptions options);

  // Learner's side, beside ActorGroup's.
  void Publish(const Directive& directive) override ABSL_LOCKS_EXCLUDED(mu_);
  void PublishSnapshot(std::shared_ptr<const PolicySnapshot> snapshot) override
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<std::vector<ActorReport>> WaitReports(std::chrono::seconds timeout) override
      ABSL_LOCKS_EXCLUDED(mu_);
  std::vector<ActorReport> TakeReports() override ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Failure() override ABSL_LOCKS_EXCLUDED(mu_);
  bool may_lose_actors() const override { return true; }
  uint64_t NewestVersionSeen() override ABSL_LOCKS_EXCLUDED(mu_);

  // The env spec of the first actor or evaluator; null until one has come. It is the run's, unless
  // the run was made with another one: then nobody is let in who differs from that.
  std::optional<EnvSpecMessage> env() const ABSL_LOCKS_EXCLUDED(mu_);
  // From now on members are asked for the task's files, one after the other until one has sent
  // them.
  void AskForEnvFiles() ABSL_LOCKS_EXCLUDED(mu_);
  // What was sent, once.
  std::optional<EnvRecord> TakeEnvFiles() ABSL_LOCKS_EXCLUDED(mu_);
  // Where shard `index` listens and how often it has joined; joins 0: not yet.
  struct ShardSeat {
    std::string address;
    uint64_t joins = 0;
    bool connected = false;
  };
  std::vector<ShardSeat> shards() const ABSL_LOCKS_EXCLUDED(mu_);
  // Where rows go, by shard; travels with the next directive of every actor, at once.
  void SetTables(std::vector<TableAssignment> tables) ABSL_LOCKS_EXCLUDED(mu_);
  // What GetStatus says beside the members.
  void SetStatus(RunStatus status) ABSL_LOCKS_EXCLUDED(mu_);
  // Actors that went since the last call, to be cut from replay. Notices silent members.
  struct Departure {
    MemberStatus actor;
    bool in_order = false;  // it said that it leaves
  };
  std::vector<Departure> TakeDepartures() ABSL_LOCKS_EXCLUDED(mu_);
  // Tells everybody that the run is over, and waits for them to leave.
  void Finish(std::chrono::milliseconds timeout) ABSL_LOCKS_EXCLUDED(mu_);

  // The service's side. `peer`: the caller's machine. `only`: as Roster's.
  absl::StatusOr<JoinReply> Join(const JoinRequest& request, const std::string& peer = "",
                                 std::optional<uint32_t> only = std::nullopt)
      ABSL_LOCKS_EXCLUDED(mu_);
  // Whether this run gave out the seat.
  bool IsSigned(RunRole role, const Seat& seat) const ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<FollowerCursor> Open(const FollowerMessage& first) ABSL_LOCKS_EXCLUDED(mu_);
  // True: taken. A message without sense is dropped, counted and said in the log. A member that
  // goes on with them, or whose report a lockstep round cannot do without, is put out:
  // UnavailableError. AbortedError: the seat is another's by now, or was given up for silence.
  absl::StatusOr<bool> OnReport(const FollowerCursor& cursor, const FollowerMessage& message)
      ABSL_LOCKS_EXCLUDED(mu_);
  // What is new since `cursor`, which it moves; nothing after `wait`. AbortedError as OnReport's.
  absl::StatusOr<FollowerNews> WaitNews(FollowerCursor* cursor, std::chrono::milliseconds wait)
      ABSL_LOCKS_EXCLUDED(mu_);
  // An evaluator is sent a version that actors may not have been sent yet.
  void HandOut(uint64_t version) ABSL_LOCKS_EXCLUDED(mu_);
  void Close(const FollowerCursor& cursor, bool leaving) ABSL_LOCKS_EXCLUDED(mu_);
  RunStatus Status() const ABSL_LOCKS_EXCLUDED(mu_);
  // As Roster's machine.
  std::string MachineOf(RunRole role, uint32_t index) const ABSL_LOCKS_EXCLUDED(mu_);
  uint64_t learner_epoch() const { return options_.learner_epoch; }

 private:
  MaybeNonsense CheckSense(const FollowerCursor& cursor, const FollowerMessage& message) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  MaybeNonsense CheckRound(const FollowerCursor& cursor, const FollowerMessage& message) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status OnNonsense(const FollowerCursor& cursor, const Nonsense& nonsense, bool reports)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // *refused: what made no sense, for the log, which is written without the lock.
  absl::Status TakeReport(const FollowerCursor& cursor, const FollowerMessage& message, bool* taken,
                          MaybeNonsense* refused) ABSL_LOCKS_EXCLUDED(mu_);
  void SeeTable(const TableStats& table, MaybeNonsense* refused) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool AnybodyConnected() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // `how` it went: "was lost".
  void Lose(const MemberStatus& member, bool leaving, absl::string_view how)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ExpireSilent() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void BeforePublish(const PolicySnapshot& snapshot);
  void SetSnapshot(std::shared_ptr<const EncodedSnapshot> snapshot)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  DirectiveMessage DirectiveFor(uint32_t actor) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool lockstep() const { return options_.roster.lockstep; }

  const RunHubOptions options_;
  const Stopwatch clock_;
  mutable Mutex mu_;
  mutable CondVar changed_;
  Roster roster_ ABSL_GUARDED_BY(mu_);
  std::optional<Directive> directive_ ABSL_GUARDED_BY(mu_);
  uint64_t serial_ ABSL_GUARDED_BY(mu_) = 0;
  std::shared_ptr<const EncodedSnapshot> snapshot_ ABSL_GUARDED_BY(mu_);
  std::vector<TableAssignment> tables_ ABSL_GUARDED_BY(mu_);
  ReportQueues reports_ ABSL_GUARDED_BY(mu_);
  EnvAgreement env_ ABSL_GUARDED_BY(mu_);
  std::vector<Departure> departures_ ABSL_GUARDED_BY(mu_);
  uint64_t newest_version_seen_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t version_max_ ABSL_GUARDED_BY(mu_);  // that any life may have published
  RunStatus status_ ABSL_GUARDED_BY(mu_);
  absl::Status failure_ ABSL_GUARDED_BY(mu_);  // lockstep: an actor is lost
};

}  // namespace pmoe
