#include "learner/service/run_hub.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/run/clock_skew.h"
#include "common/run/env_identity.h"
#include "common/run/run_messages.h"

namespace pmoe {
namespace {

std::shared_ptr<const EncodedSnapshot> Encode(const PolicySnapshot& snapshot) {
  auto encoded = std::make_shared<EncodedSnapshot>();
  encoded->version = snapshot.version;
  encoded->env_steps = snapshot.env_steps;
  encoded->bytes = snapshot.Encode();
  return encoded;
}

}  // namespace

RunHub::RunHub(RunHubOptions options)
    : options_(std::move(options)),
      clock_(options_.clock),
      changed_(options_.clock),
      roster_(options_.roster),
      reports_(options_.roster.actors) {}

void RunHub::Publish(const Directive& directive) {
  std::shared_ptr<const EncodedSnapshot> encoded;
  if (directive.snapshot != nullptr) encoded = Encode(*directive.snapshot);
  MutexLock lock(&mu_);
  if (encoded != nullptr) SetSnapshot(std::move(encoded));
  directive_ = directive;
  directive_->snapshot = nullptr;
  ++serial_;
  changed_.NotifyAll();
}

void RunHub::PublishSnapshot(std::shared_ptr<const PolicySnapshot> snapshot) {
  std::shared_ptr<const EncodedSnapshot> encoded = Encode(*snapshot);
  MutexLock lock(&mu_);
  SetSnapshot(std::move(encoded));
  changed_.NotifyAll();
}

void RunHub::SetSnapshot(std::shared_ptr<const EncodedSnapshot> snapshot) {
  // Lockstep before the first update: the same version again.
  if (snapshot_ != nullptr && snapshot->version <= snapshot_->version) return;
  snapshot_ = std::move(snapshot);
}

absl::StatusOr<std::vector<ActorReport>> RunHub::WaitReports(std::chrono::seconds timeout) {
  const Clock::Time deadline = options_.clock->Now() + timeout;
  MutexLock lock(&mu_);
  do {
    if (!failure_.ok()) return failure_;
    if (auto round = reports_.TakeRound()) return *std::move(round);
  } while (changed_.WaitUntil(&mu_, deadline));
  return reports_.Late(timeout);
}

absl::StatusOr<std::vector<ActorReport>> RunHub::TakeReports() {
  MutexLock lock(&mu_);
  if (!failure_.ok()) return failure_;
  return reports_.TakeAll();
}

absl::Status RunHub::Failure() {
  MutexLock lock(&mu_);
  return failure_;
}

uint64_t RunHub::NewestVersionSeen() {
  MutexLock lock(&mu_);
  return newest_version_seen_;
}

std::optional<EnvSpecMessage> RunHub::env() const {
  MutexLock lock(&mu_);
  return env_;
}

std::vector<RunHub::ShardSeat> RunHub::shards() const {
  MutexLock lock(&mu_);
  std::vector<ShardSeat> seats(options_.roster.shards);
  for (const MemberStatus& member : roster_.Members(clock_.Elapsed())) {
    if (member.role() != RUN_ROLE_REPLAY) continue;
    seats[member.index()] = {member.process().listen_address(),
                             roster_.joins(RUN_ROLE_REPLAY, member.index()), member.connected()};
  }
  return seats;
}

void RunHub::SetTables(std::vector<TableAssignment> tables) {
  MutexLock lock(&mu_);
  tables_ = std::move(tables);
  ++serial_;
  changed_.NotifyAll();
}

void RunHub::SetStatus(RunStatus status) {
  MutexLock lock(&mu_);
  status_ = std::move(status);
}

std::vector<RunHub::Departure> RunHub::TakeDepartures() {
  MutexLock lock(&mu_);
  for (const MemberStatus& member : roster_.Expire(clock_.Elapsed())) {
    Lose(member, /*leaving=*/false);
  }
  return std::exchange(departures_, {});
}

// A lockstep run that has begun cannot go on without each of its actors.
void RunHub::Lose(const MemberStatus& member, bool leaving) {
  changed_.NotifyAll();
  if (member.role() != RUN_ROLE_ACTOR) return;
  departures_.push_back({member, leaving});
  const bool finished = directive_.has_value() && directive_->state == RunState::kFinished;
  if (!lockstep() || !directive_.has_value() || finished || !failure_.ok()) return;
  failure_ = absl::AbortedError(absl::StrCat(
      DescribeMember(member), leaving ? " has left" : " was lost",
      ", and a lockstep run cannot go on without it; resume it from its last checkpoint, or use "
      "--mode async, where actors may come and go"));
}

void RunHub::Finish(std::chrono::milliseconds timeout) {
  const Clock::Time deadline = options_.clock->Now() + timeout;
  Directive directive;
  directive.state = RunState::kFinished;
  Publish(directive);
  MutexLock lock(&mu_);
  while (AnybodyConnected() && changed_.WaitUntil(&mu_, deadline)) {
  }
}

bool RunHub::AnybodyConnected() const {
  return roster_.connected(RUN_ROLE_ACTOR) + roster_.connected(RUN_ROLE_EVALUATOR) +
             roster_.connected(RUN_ROLE_REPLAY) >
         0;
}

absl::StatusOr<JoinReply> RunHub::Join(const JoinRequest& request) {
  JoinReply reply;
  MutexLock lock(&mu_);
  if (directive_.has_value() && directive_->state == RunState::kFinished) {
    reply.set_finished(true);
    return reply;
  }
  PMOE_ASSIGN_OR_RETURN(*reply.mutable_seat(), roster_.Join(request, clock_.Elapsed()));
  reply.set_learner_epoch(options_.learner_epoch);
  *reply.mutable_config() = options_.config;
  reply.set_unix_time_s(UnixTime());
  changed_.NotifyAll();
  return reply;
}

absl::Status RunHub::CheckEnv(const FollowerMessage& first) {
  if (first.role() != RUN_ROLE_ACTOR && first.role() != RUN_ROLE_EVALUATOR) return absl::OkStatus();
  const EnvSpecMessage& env = first.env();
  PMOE_RETURN_IF_ERROR(CheckEnvSpec(env));
  if (!env_.has_value()) {
    if (options_.kept_env.has_value()) {
      PMOE_RETURN_IF_ERROR(
          CheckSameEnv(options_.directory, *options_.kept_env, env, options_.allow_other_env));
    }
    env_ = env;
    return absl::OkStatus();
  }
  const std::vector<std::string> differences = EnvDifferences(*env_, env);
  if (differences.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("this ", RoleName(first.role()),
                   " does not step what the run steps: ", ListDifferences(differences),
                   ". All members must have the same task, parameters, model files and simulator"));
}

void RunHub::AskForEnvFiles() {
  MutexLock lock(&mu_);
  wants_env_files_ = true;
  changed_.NotifyAll();
}

std::optional<EnvRecord> RunHub::TakeEnvFiles() {
  MutexLock lock(&mu_);
  return std::exchange(env_files_, std::nullopt);
}

absl::Status RunHub::OnEnvFile(const FollowerCursor& cursor, const EnvFilePiece& piece) {
  if (!env_receiver_.has_value() || cursor.stream != env_stream_) return absl::OkStatus();
  const absl::StatusOr<bool> complete = env_receiver_->Add(piece);
  if (complete.ok() && !*complete) return absl::OkStatus();
  if (complete.ok()) env_files_ = env_receiver_->Take();
  wants_env_files_ = false;
  env_receiver_.reset();
  return complete.status();
}

absl::StatusOr<FollowerCursor> RunHub::Open(const FollowerMessage& first) {
  MutexLock lock(&mu_);
  PMOE_RETURN_IF_ERROR(CheckEnv(first));
  FollowerCursor cursor;
  PMOE_ASSIGN_OR_RETURN(cursor.stream,
                        roster_.Connect(first.role(), first.seat(), clock_.Elapsed()));
  changed_.NotifyAll();
  cursor.role = first.role();
  cursor.seat = first.seat();
  cursor.version = first.policy_version();
  cursor.has_env_files = first.has_env() && HaveSameFiles(*env_, first.env());
  return cursor;
}

absl::Status RunHub::OnReport(const FollowerCursor& cursor, const FollowerMessage& message) {
  absl::Status files;
  const absl::Status taken = TakeReport(cursor, message, &files);
  if (!files.ok()) {
    Log(LogLevel::kWarning, "the task's files are not kept: ", files.message());
  }
  return taken;
}

absl::Status RunHub::TakeReport(const FollowerCursor& cursor, const FollowerMessage& message,
                                absl::Status* files) {
  MutexLock lock(&mu_);
  if (!roster_.OnReport(cursor.role, cursor.seat, cursor.stream, message, clock_.Elapsed())) {
    return absl::AbortedError("this seat was given up; join again");
  }
  if (message.has_env_file()) *files = OnEnvFile(cursor, message.env_file());
  uint64_t version = message.policy_version();
  if (message.has_table()) version = std::max<uint64_t>(version, message.table().newest_version());
  newest_version_seen_ = std::max(newest_version_seen_, version);
  if (cursor.role != RUN_ROLE_ACTOR) return absl::OkStatus();
  const uint32_t actor = cursor.seat.index();
  for (const ActorReportMessage& report : message.reports()) {
    reports_.Push(actor, FromMessage(actor, report));
  }
  if (message.reports_size() > 0) changed_.NotifyAll();
  return absl::OkStatus();
}

DirectiveMessage RunHub::DirectiveFor(uint32_t actor) const {
  DirectiveMessage message = ToMessage(*directive_);
  message.set_serial(serial_);
  if (!tables_.empty()) *message.mutable_table() = tables_[actor % tables_.size()];
  if (directive_->restore != nullptr && actor < directive_->restore->size()) {
    message.set_restore((*directive_->restore)[actor]);
  }
  return message;
}

absl::StatusOr<FollowerNews> RunHub::WaitNews(FollowerCursor* cursor,
                                              std::chrono::milliseconds wait) {
  const Clock::Time deadline = options_.clock->Now() + wait;
  const bool acts = cursor->role == RUN_ROLE_ACTOR;
  MutexLock lock(&mu_);
  for (bool late = false;; late = !changed_.WaitUntil(&mu_, deadline)) {
    if (!roster_.IsConnected(cursor->role, cursor->seat, cursor->stream)) {
      return absl::AbortedError("no report for 10 s; join again");
    }
    FollowerNews news;
    if (acts && snapshot_ != nullptr && snapshot_->version > cursor->version) {
      news.snapshot = snapshot_;
      cursor->version = snapshot_->version;
    }
    if (directive_.has_value() && serial_ > cursor->serial) {
      news.directive = DirectiveFor(cursor->seat.index());
      cursor->serial = serial_;
    }
    if (wants_env_files_ && env_stream_ == 0 && cursor->has_env_files) {
      news.send_env_files = true;
      env_stream_ = cursor->stream;
      env_receiver_.emplace(*env_);
    }
    const bool any = news.snapshot != nullptr || news.directive.has_value() || news.send_env_files;
    if (any || late) return news;
  }
}

void RunHub::Close(const FollowerCursor& cursor, bool leaving) {
  MutexLock lock(&mu_);
  if (cursor.stream == env_stream_) {
    env_stream_ = 0;  // another one is asked
    changed_.NotifyAll();
  }
  if (!roster_.Disconnect(cursor.role, cursor.seat, cursor.stream)) return;
  for (const MemberStatus& member : roster_.Members(clock_.Elapsed())) {
    if (member.role() == cursor.role && member.index() == cursor.seat.index()) {
      Lose(member, leaving);
    }
  }
}

RunStatus RunHub::Status() const {
  MutexLock lock(&mu_);
  RunStatus status = status_;
  for (const MemberStatus& member : roster_.Members(clock_.Elapsed())) {
    *status.add_members() = member;
  }
  return status;
}

}  // namespace pmoe
