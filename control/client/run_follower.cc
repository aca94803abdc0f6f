#include "control/client/run_follower.h"

#include <unistd.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/build_info.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/rpc/channel.h"
#include "common/rpc/rpc_status.h"
#include "control/wire/clock_skew.h"
#include "control/wire/run_messages.h"
#include "control/wire/sense.h"
#include "control/wire/usage.h"
#include "google/protobuf/util/message_differencer.h"

namespace pmoe {
namespace {

using google::protobuf::util::MessageDifferencer;

constexpr std::chrono::milliseconds kReportEvery(1000);
constexpr std::chrono::milliseconds kJoinTimeout(5000);
constexpr std::chrono::milliseconds kLeaveTimeout(2000);
constexpr std::chrono::milliseconds kFirstJoinWait(1000);
constexpr int kQuietAttempts = 3;

// Jitter only: no bit of a run depends on it, but processes must differ, in containers too, where
// each has the id 1.
Rng BackoffRng(const ProcessInfo& process, RunRole role) {
  return Rng(std::hash<std::string>()(process.host()) ^ process.pid(), RngRole::kBackoff, role);
}

// Containers of one machine have host names of their own and its kernel in common.
std::string Machine() {
  const absl::StatusOr<std::string> boot = ReadFile("/proc/sys/kernel/random/boot_id");
  return boot.ok() ? std::string(absl::StripAsciiWhitespace(*boot)) : "";
}

}  // namespace

ProcessInfo MakeProcessInfo() {
  ProcessInfo info;
  char host[256] = {};
  if (gethostname(host, sizeof(host) - 1) == 0) info.set_host(host);
  info.set_pid(static_cast<uint32_t>(getpid()));
  info.set_build_id(BuildId());
  info.set_machine(Machine());
  return info;
}

RunFollower::RunFollower(RunFollowerOptions options, FollowerHandler* handler)
    : options_(std::move(options)),
      handler_(handler),
      stream_(PeerRole::kLearner, options_.security, BackoffRng(options_.process, options_.role),
              {.prepare = std::bind_front(&RunFollower::Rejoin, this),
               .serve = std::bind_front(&RunFollower::Serve, this),
               .ended = std::bind_front(&RunFollower::OnEnd, this)}) {
  stream_.SetAddress(options_.learner);
  MutexLock lock(&mu_);
  seat_ = options_.previous.value_or(Seat());
}

RunFollower::~RunFollower() { Leave(); }

Seat RunFollower::seat() const {
  MutexLock lock(&mu_);
  return seat_;
}

absl::Status RunFollower::status() const {
  MutexLock lock(&mu_);
  return status_;
}

std::string RunFollower::Explained(const absl::Status& status) const {
  return absl::StrCat(status.message(), options_.security.Hint(status));
}

bool RunFollower::connected() const {
  MutexLock lock(&mu_);
  return !stream_over_;
}

absl::StatusOr<JoinReply> RunFollower::TryJoin() {
  JoinRequest request;
  request.set_role(options_.role);
  *request.mutable_process() = options_.process;
  {
    MutexLock lock(&mu_);
    if (!seat_.run_id().empty() && !wants_new_seat_) *request.mutable_previous() = seat_;
  }
  JoinReply reply;
  grpc::ClientContext context;
  SetDeadline(&context, kJoinTimeout);
  const double asked_s = UnixTime();
  PMOE_RETURN_IF_ERROR(
      FromGrpc(RunService::NewStub(stream_.channel())->Join(&context, request, &reply)));
  if (reply.finished()) return reply;
  if (const MaybeNonsense nonsense = CheckJoinReply(reply)) return nonsense->ToStatus();
  const std::string skew = ClockSkew(asked_s, reply.unix_time_s(), UnixTime());
  if (!skew.empty()) Log(LogLevel::kWarning, skew);
  if (options_.on_heard) options_.on_heard(true);
  Logger::OfProcess().SetRole(absl::StrCat(RoleName(options_.role), " ", reply.seat().index()));
  TakeSeat(reply.seat());
  return reply;
}

void RunFollower::TakeSeat(const Seat& seat) {
  Seat before;
  {
    MutexLock lock(&mu_);
    before = std::exchange(seat_, seat);
    wants_new_seat_ = false;
  }
  if (options_.on_seat && !MessageDifferencer::Equals(before, seat)) options_.on_seat(seat);
}

// A run that ends while its members still come is no failure of theirs.
absl::Status RunFollower::Finished() const {
  const std::string text =
      absl::StrCat("the run at ", options_.learner.Text(), " has finished; there is nothing to do");
  Log(LogLevel::kInfo, text);
  return absl::CancelledError(text);
}

absl::StatusOr<JoinReply> RunFollower::Join(const std::atomic<bool>& interrupted) {
  const Clock::Time give_up = Clock::Real()->Now() + options_.give_up;
  Backoff backoff(BackoffRng(options_.process, options_.role));
  for (int attempt = 1;; ++attempt) {
    absl::StatusOr<JoinReply> reply = TryJoin();
    if (reply.ok() && reply->finished()) return Finished();
    if (reply.ok()) return reply;
    if (!IsTransient(reply.status())) return reply.status();
    if (Clock::Real()->Now() >= give_up) {
      return absl::UnavailableError(absl::StrCat("no learner at ", options_.learner.Text(), " for ",
                                                 options_.give_up.count(),
                                                 " s: ", Explained(reply.status())));
    }
    // A cluster starts all at once, and its learner needs a few seconds: nobody should sleep much
    // longer than that.
    const std::chrono::milliseconds wait = std::min(backoff.Next(), kFirstJoinWait);
    if (attempt > kQuietAttempts) {
      Log(LogLevel::kWarning, "cannot join at ", options_.learner.Text(), " yet (",
          Explained(reply.status()), "); attempt ", attempt + 1, " in ",
          absl::StrFormat("%.1f s", static_cast<double>(wait.count()) / 1000.0));
    }
    const Clock::Time until = Clock::Real()->Now() + wait;
    {
      MutexLock lock(&mu_);  // which nobody else needs yet
      while (!leaving_ && !interrupted && changed_.WaitBriefly(&mu_, until)) {
      }
    }
    if (interrupted) return absl::CancelledError("interrupted before it joined a run");
  }
}

void RunFollower::Follow() {
  has_seat_ = true;
  last_heard_ = Clock::Real()->Now();
  stream_.Start();
}

void RunFollower::ReportNow() {
  MutexLock lock(&mu_);
  report_now_ = true;
  changed_.NotifyAll();
}

void RunFollower::TakeNewSeat() {
  MutexLock lock(&mu_);
  wants_new_seat_ = true;
  changed_.NotifyAll();
}

void RunFollower::Leave() {
  {
    MutexLock lock(&mu_);
    leaving_ = true;
    changed_.NotifyAll();
  }
  // The learner answers the last report by ending the stream; one that does not must not keep us.
  stream_.Stop(Clock::Real()->Now() + kLeaveTimeout);
}

// The learner may be another process by now, so each stream but the first has a Join before it.
absl::Status RunFollower::Rejoin() {
  if (std::exchange(has_seat_, false)) return absl::OkStatus();
  PMOE_ASSIGN_OR_RETURN(const JoinReply reply, TryJoin());
  if (reply.finished()) return over_ = Finished();
  ++reconnects_;
  handler_->OnRejoin(reply);
  return absl::OkStatus();
}

absl::Status RunFollower::Serve(const std::shared_ptr<grpc::Channel>& channel,
                                grpc::ClientContext* context) {
  {
    MutexLock lock(&mu_);
    stream_over_ = false;
  }
  const std::unique_ptr<RunService::Stub> stub = RunService::NewStub(channel);
  const std::unique_ptr<Stream> stream = stub->Follow(context);
  return Converse<Stream>(
      stream.get(), context, [this](Stream* out) { WriteReports(out); },
      [this](Stream* in) { return ReadMessages(in); },
      [this] {
        if (options_.on_heard) options_.on_heard(false);
        MutexLock lock(&mu_);
        stream_over_ = true;
        changed_.NotifyAll();
      });
}

absl::Status RunFollower::ReadMessages(Stream* stream) {
  for (LearnerMessage message; over_.ok() && stream->Read(&message);) {
    heard_ = true;
    over_ = handler_->OnMessage(std::move(message));
  }
  return over_;
}

NextStream RunFollower::OnEnd(absl::Status status) {
  const bool heard = std::exchange(heard_, false);
  SayWhy(status);
  if (over_.ok() && heard && (status.ok() || IsTransient(status))) {
    last_heard_ = Clock::Real()->Now();
    return NextStream::kSoon;
  }
  if (status.ok()) status = absl::UnavailableError("the stream ended");
  if (over_.ok() && IsTransient(status)) {
    if (Clock::Real()->Now() - last_heard_ <= options_.give_up) return NextStream::kLater;
    status = absl::UnavailableError(absl::StrCat("the learner at ", options_.learner.Text(),
                                                 " has been away for ", options_.give_up.count(),
                                                 " s: ", Explained(status)));
  }
  {
    MutexLock lock(&mu_);
    status_ = status;
  }
  handler_->OnOver();
  return NextStream::kNone;
}

// What the learner refuses is said here too, once for each reason; that it is away is not.
void RunFollower::SayWhy(const absl::Status& status) {
  const bool refused =
      absl::IsAborted(status) || absl::IsOutOfRange(status) ||
      (absl::IsUnavailable(status) && absl::StrContains(status.message(), "put out"));
  if (!refused) return;
  {
    MutexLock lock(&mu_);
    if (std::exchange(last_said_, std::string(status.message())) == status.message()) return;
  }
  Log(LogLevel::kWarning, "the learner: ", status.message());
}

void RunFollower::Report(FollowerMessage* message) {
  handler_->FillReport(message);
  *message->mutable_usage() = MeasureUsage(&meter_);
}

// Reports until the stream is over; the last one says so when this process leaves.
void RunFollower::WriteReports(Stream* stream) {
  FollowerMessage first;
  first.set_role(options_.role);
  *first.mutable_seat() = seat();
  handler_->FillFirst(&first);
  Report(&first);
  bool open = stream->Write(first);
  for (bool leaving = false; open && !leaving;) {
    {
      const Clock::Time due = Clock::Real()->Now() + kReportEvery;
      MutexLock lock(&mu_);
      while (!report_now_ && !leaving_ && !wants_new_seat_ && !stream_over_ &&
             changed_.WaitUntil(&mu_, due)) {
      }
      if (stream_over_) return;
      report_now_ = false;
      leaving = leaving_ || wants_new_seat_;
    }
    FollowerMessage report;
    Report(&report);
    report.set_leaving(leaving);
    open = stream->Write(report);
  }
}

}  // namespace pmoe
