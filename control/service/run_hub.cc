#include "control/service/run_hub.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "common/metrics/rejections.h"
#include "control/wire/clock_skew.h"
#include "control/wire/env_identity.h"
#include "control/wire/name_stragglers.h"
#include "control/wire/run_messages.h"

namespace pmoe {
namespace {

constexpr absl::string_view kLost = "was lost";

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
      reports_(options_.roster.actors),
      env_(
          {options_.directory, options_.config.env(), options_.kept_env, options_.allow_other_env}),
      version_max_(options_.versions_before) {}

void RunHub::BeforePublish(const PolicySnapshot& snapshot) {
  if (options_.before_publish) options_.before_publish(snapshot.version);
}

void RunHub::Publish(const Directive& directive) {
  std::shared_ptr<const EncodedSnapshot> encoded;
  if (directive.snapshot != nullptr) {
    BeforePublish(*directive.snapshot);
    encoded = Encode(*directive.snapshot);
  }
  MutexLock lock(&mu_);
  if (encoded != nullptr) SetSnapshot(std::move(encoded));
  directive_ = directive;
  directive_->snapshot = nullptr;
  ++serial_;
  changed_.NotifyAll();
}

void RunHub::PublishSnapshot(std::shared_ptr<const PolicySnapshot> snapshot) {
  BeforePublish(*snapshot);
  std::shared_ptr<const EncodedSnapshot> encoded = Encode(*snapshot);
  MutexLock lock(&mu_);
  SetSnapshot(std::move(encoded));
  changed_.NotifyAll();
}

void RunHub::SetSnapshot(std::shared_ptr<const EncodedSnapshot> snapshot) {
  version_max_ = std::max(version_max_, snapshot->version);
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

std::vector<ActorReport> RunHub::TakeReports() {
  MutexLock lock(&mu_);
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
  return env_.env();
}

std::vector<RunHub::ShardSeat> RunHub::shards() const {
  MutexLock lock(&mu_);
  std::vector<ShardSeat> seats(options_.roster.shards);
  for (uint32_t i = 0; i < seats.size(); ++i) {
    const MemberStatus* const shard = roster_.member(RUN_ROLE_REPLAY, i);
    if (shard == nullptr) continue;
    seats[i] = {shard->process().listen_address(), roster_.joins(RUN_ROLE_REPLAY, i),
                shard->connected()};
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
  ExpireSilent();
  return std::exchange(departures_, {});
}

void RunHub::ExpireSilent() {
  for (const MemberStatus& member : roster_.Expire(clock_.Elapsed())) {
    Lose(member, /*leaving=*/false, kLost);
  }
}

// A lockstep run that has begun cannot go on without each of its actors.
void RunHub::Lose(const MemberStatus& member, bool leaving, absl::string_view how) {
  changed_.NotifyAll();
  if (member.role() != RUN_ROLE_ACTOR) return;
  departures_.push_back({member, leaving});
  const bool finished = directive_.has_value() && directive_->state == RunState::kFinished;
  if (!lockstep() || !directive_.has_value() || finished || !failure_.ok()) return;
  failure_ = absl::AbortedError(absl::StrCat(
      DescribeMember(member), " ", how,
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

absl::StatusOr<JoinReply> RunHub::Join(const JoinRequest& request, const std::string& peer,
                                       std::optional<uint32_t> only) {
  JoinReply reply;
  MutexLock lock(&mu_);
  if (directive_.has_value() && directive_->state == RunState::kFinished) {
    reply.set_finished(true);
    return reply;
  }
  PMOE_ASSIGN_OR_RETURN(*reply.mutable_seat(), roster_.Join(request, peer, clock_.Elapsed(), only));
  reply.set_learner_epoch(options_.learner_epoch);
  *reply.mutable_config() = options_.config;
  reply.set_unix_time_s(UnixTime());
  changed_.NotifyAll();
  return reply;
}

void RunHub::AskForEnvFiles() {
  MutexLock lock(&mu_);
  env_.WantFiles();
  changed_.NotifyAll();
}

std::optional<EnvRecord> RunHub::TakeEnvFiles() {
  MutexLock lock(&mu_);
  return env_.TakeFiles();
}

bool RunHub::IsSigned(RunRole role, const Seat& seat) const {
  MutexLock lock(&mu_);
  return roster_.IsSigned(role, seat);
}

absl::StatusOr<FollowerCursor> RunHub::Open(const FollowerMessage& first) {
  MutexLock lock(&mu_);
  // Whoever has no seat is asked nothing else.
  PMOE_RETURN_IF_ERROR(roster_.CheckSeat(first.role(), first.seat()));
  if (const MaybeNonsense version = CheckVersion(first.policy_version(), version_max_)) {
    return version->ToStatus();
  }
  PMOE_RETURN_IF_ERROR(env_.Check(first));
  FollowerCursor cursor;
  PMOE_ASSIGN_OR_RETURN(cursor.stream,
                        roster_.Connect(first.role(), first.seat(), clock_.Elapsed()));
  changed_.NotifyAll();
  cursor.role = first.role();
  cursor.seat = first.seat();
  cursor.version = first.policy_version();
  cursor.has_env_files = env_.HasFiles(first);
  return cursor;
}

absl::StatusOr<bool> RunHub::OnReport(const FollowerCursor& cursor,
                                      const FollowerMessage& message) {
  MaybeNonsense refused;
  bool taken = false;
  const absl::Status status = TakeReport(cursor, message, &taken, &refused);
  if (refused.has_value()) {
    std::string who;
    {
      MutexLock lock(&mu_);
      const MemberStatus* const member = roster_.member(cursor.role, cursor.seat.index());
      who = member == nullptr ? RoleName(cursor.role) : DescribeMember(*member);
    }
    Rejections::OfProcess().Add("follow", refused->reason, who, refused->what);
  }
  PMOE_RETURN_IF_ERROR(status);
  return taken;
}

MaybeNonsense RunHub::CheckSense(const FollowerCursor& cursor,
                                 const FollowerMessage& message) const {
  FollowerLimits limits;
  limits.version_max = version_max_;
  limits.envs = static_cast<uint32_t>(options_.config.actor().envs());
  if (env_.env().has_value() && !options_.allow_other_env) {
    limits.episode_steps = static_cast<uint32_t>(env_.env()->max_episode_steps());
  }
  limits.lockstep = lockstep();
  limits.checkpoint = directive_.has_value() && directive_->checkpoint;
  limits.env_fails = EnvMayFail(options_.config);
  if (auto nonsense = CheckFollower(cursor.role, message, limits)) return nonsense;
  return CheckRound(cursor, message);
}

// In lockstep each directive is answered once.
MaybeNonsense RunHub::CheckRound(const FollowerCursor& cursor,
                                 const FollowerMessage& message) const {
  if (!lockstep() || message.reports_size() == 0) return std::nullopt;
  const uint64_t round = message.reports(0).round();
  if (directive_.has_value() && round == directive_->round && !reports_.Has(cursor.seat.index())) {
    return std::nullopt;
  }
  return Nonsense{"round", absl::StrCat("a report of round ", round,
                                        " that nobody asked for, or a second one")};
}

absl::Status RunHub::OnNonsense(const FollowerCursor& cursor, const Nonsense& nonsense,
                                bool reports) {
  const MemberStatus member = *roster_.member(cursor.role, cursor.seat.index());
  bool out =
      roster_.OnNonsense(cursor.role, cursor.seat, cursor.stream, nonsense.what, clock_.Elapsed());
  // A round would wait for its report in vain.
  if (!out && lockstep() && reports) {
    out = roster_.Disconnect(cursor.role, cursor.seat, cursor.stream);
  }
  if (!out) return absl::OkStatus();
  Lose(member, /*leaving=*/false, absl::StrCat("was put out (", nonsense.what, ")"));
  return absl::UnavailableError(absl::StrCat("put out: ", nonsense.what));
}

absl::Status RunHub::TakeReport(const FollowerCursor& cursor, const FollowerMessage& message,
                                bool* taken, MaybeNonsense* refused) {
  MutexLock lock(&mu_);
  if (!roster_.IsConnected(cursor.role, cursor.seat, cursor.stream)) {
    return absl::AbortedError("this seat was given up; join again");
  }
  *refused = CheckSense(cursor, message);
  if (refused->has_value()) return OnNonsense(cursor, **refused, message.reports_size() > 0);
  *taken = true;
  roster_.OnReport(cursor.role, cursor.seat, cursor.stream, message, clock_.Elapsed());
  if (message.has_env_file()) {
    const absl::Status files = env_.OnFile(cursor.stream, message.env_file());
    if (!files.ok()) {
      *refused =
          Nonsense{"env_file", absl::StrCat("the task's files are not kept: ", files.message())};
    }
  }
  newest_version_seen_ = std::max(newest_version_seen_, message.policy_version());
  if (cursor.role == RUN_ROLE_REPLAY) SeeTable(message.table(), refused);
  if (cursor.role != RUN_ROLE_ACTOR) return absl::OkStatus();
  const uint32_t actor = cursor.seat.index();
  for (const ActorReportMessage& report : message.reports()) {
    reports_.Push(actor, FromMessage(actor, report));
  }
  if (message.reports_size() > 0) changed_.NotifyAll();
  return absl::OkStatus();
}

// A row with weights that were never published is no fault of the shard's that holds it.
void RunHub::SeeTable(const TableStats& table, MaybeNonsense* refused) {
  if (auto version = CheckVersion(table.newest_version(), version_max_)) {
    *refused = Nonsense{"version", absl::StrCat("its table has a row of ", version->what)};
  } else {
    newest_version_seen_ = std::max<uint64_t>(newest_version_seen_, table.newest_version());
  }
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
  ExpireSilent();
  for (bool late = false;; late = !changed_.WaitUntil(&mu_, deadline)) {
    if (!roster_.IsConnected(cursor->role, cursor->seat, cursor->stream)) {
      return absl::AbortedError("no report for 10 s, or another process has the seat; join again");
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
    if (cursor->has_env_files) news.send_env_files = env_.Asks(cursor->stream);
    const bool any = news.snapshot != nullptr || news.directive.has_value() || news.send_env_files;
    if (any || late) return news;
  }
}

void RunHub::HandOut(uint64_t version) {
  MutexLock lock(&mu_);
  version_max_ = std::max(version_max_, version);
}

void RunHub::Close(const FollowerCursor& cursor, bool leaving) {
  MutexLock lock(&mu_);
  if (env_.OnClose(cursor.stream)) changed_.NotifyAll();
  if (!roster_.Disconnect(cursor.role, cursor.seat, cursor.stream)) return;
  Lose(*roster_.member(cursor.role, cursor.seat.index()), leaving, leaving ? "has left" : kLost);
}

std::string RunHub::MachineOf(RunRole role, uint32_t index) const {
  MutexLock lock(&mu_);
  return roster_.machine(role, index);
}

RunStatus RunHub::Status() const {
  RunStatus status;
  {
    MutexLock lock(&mu_);
    status = status_;
    for (const MemberStatus& member : roster_.Members(clock_.Elapsed())) {
      *status.add_members() = member;
    }
  }
  NameStragglers(&status);
  return status;
}

}  // namespace pmoe
