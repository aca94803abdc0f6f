#include "common/run/run_follower.h"

#include <unistd.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/build_info.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/rpc/channel.h"
#include "common/rpc/rpc_status.h"
#include "common/run/clock_skew.h"
#include "common/run/run_messages.h"
#include "common/run/usage.h"

namespace pmoe {
namespace {

constexpr std::chrono::milliseconds kReportEvery(1000);
constexpr std::chrono::milliseconds kJoinTimeout(5000);
constexpr std::chrono::milliseconds kLeaveTimeout(2000);
constexpr std::chrono::milliseconds kTick(50);
constexpr std::chrono::milliseconds kFirstJoinWait(1000);
constexpr int kQuietAttempts = 3;

// Jitter only: no bit of a run depends on it, but processes must differ, in containers too, where
// each has the id 1.
Rng BackoffRng(const ProcessInfo& process, RunRole role) {
  return Rng(std::hash<std::string>()(process.host()) ^ process.pid(), RngRole::kBackoff, role);
}

}  // namespace

ProcessInfo MakeProcessInfo() {
  ProcessInfo info;
  char host[256] = {};
  if (gethostname(host, sizeof(host) - 1) == 0) info.set_host(host);
  info.set_pid(static_cast<uint32_t>(getpid()));
  info.set_build_id(BuildId());
  return info;
}

RunFollower::RunFollower(RunFollowerOptions options, FollowerHandler* handler)
    : options_(std::move(options)),
      handler_(handler),
      stub_(RunService::NewStub(
          MakeChannel(options_.learner, PeerRole::kLearner, options_.security))),
      backoff_(BackoffRng(options_.process, options_.role)) {}

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
  return context_ != nullptr && !stream_over_;
}

bool RunFollower::Leaving() const {
  MutexLock lock(&mu_);
  return leaving_;
}

bool RunFollower::Pause(std::chrono::milliseconds time) {
  const Clock::Time until = Clock::Real()->Now() + time;
  MutexLock lock(&mu_);
  while (!leaving_ && changed_.WaitUntil(&mu_, until)) {
  }
  return !leaving_;
}

absl::StatusOr<JoinReply> RunFollower::TryJoin() {
  JoinRequest request;
  request.set_role(options_.role);
  *request.mutable_process() = options_.process;
  {
    MutexLock lock(&mu_);
    if (!seat_.run_id().empty()) *request.mutable_previous() = seat_;
  }
  JoinReply reply;
  grpc::ClientContext context;
  SetDeadline(&context, kJoinTimeout);
  const double asked_s = UnixTime();
  PMOE_RETURN_IF_ERROR(FromGrpc(stub_->Join(&context, request, &reply)));
  if (reply.finished()) return reply;
  const std::string skew = ClockSkew(asked_s, reply.unix_time_s(), UnixTime());
  if (!skew.empty()) Log(LogLevel::kWarning, skew);
  if (options_.on_heard) options_.on_heard(true);
  Logger::OfProcess().SetRole(absl::StrCat(RoleName(options_.role), " ", reply.seat().index()));
  MutexLock lock(&mu_);
  seat_ = reply.seat();
  return reply;
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
  for (int attempt = 1;; ++attempt) {
    absl::StatusOr<JoinReply> reply = TryJoin();
    if (reply.ok() && reply->finished()) return Finished();
    if (reply.ok()) {
      backoff_.Reset();
      return reply;
    }
    if (!IsTransient(reply.status())) return reply.status();
    if (Clock::Real()->Now() >= give_up) {
      return absl::UnavailableError(absl::StrCat("no learner at ", options_.learner.Text(), " for ",
                                                 options_.give_up.count(),
                                                 " s: ", Explained(reply.status())));
    }
    // A cluster starts all at once, and its learner needs a few seconds: nobody should sleep much
    // longer than that.
    const std::chrono::milliseconds wait = std::min(backoff_.Next(), kFirstJoinWait);
    if (attempt > kQuietAttempts) {
      Log(LogLevel::kWarning, "cannot join at ", options_.learner.Text(), " yet (",
          Explained(reply.status()), "); attempt ", attempt + 1, " in ",
          absl::StrFormat("%.1f s", static_cast<double>(wait.count()) / 1000.0));
    }
    const Clock::Time until = Clock::Real()->Now() + wait;
    while (Clock::Real()->Now() < until && !interrupted) Pause(std::min(kTick, wait));
    if (interrupted) return absl::CancelledError("interrupted before it joined a run");
  }
}

void RunFollower::Follow() {
  thread_ = std::thread([this] { Loop(); });
}

void RunFollower::ReportNow() {
  MutexLock lock(&mu_);
  report_now_ = true;
  changed_.NotifyAll();
}

void RunFollower::Leave() {
  {
    MutexLock lock(&mu_);
    leaving_ = true;
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

// Follows until it is over for good.
void RunFollower::Loop() {
  Clock::Time last_seen = Clock::Real()->Now();
  while (!Leaving()) {
    bool for_good = false;
    absl::Status status = FollowOnce(&for_good);
    if (status.ok()) last_seen = Clock::Real()->Now();  // there was a stream
    while (!Leaving() && !for_good && (status.ok() || IsTransient(status))) {
      if (Clock::Real()->Now() - last_seen > options_.give_up) {
        status = absl::UnavailableError(
            absl::StrCat("the learner at ", options_.learner.Text(), " has been away for ",
                         options_.give_up.count(), " s: ", Explained(status)));
        break;
      }
      if (!Pause(backoff_.Next())) return;
      const absl::StatusOr<JoinReply> reply = TryJoin();
      status = reply.status();
      if (!reply.ok()) continue;
      if (reply->finished()) {
        status = Finished();
        break;
      }
      ++reconnects_;
      handler_->OnRejoin(*reply);
      break;
    }
    if (status.ok()) continue;
    MutexLock lock(&mu_);
    status_ = status;
    changed_.NotifyAll();
    return;
  }
}

// One stream from its first message to its end. OK: it was open and broke off or we leave.
// *for_good: the handler has ended the membership.
absl::Status RunFollower::FollowOnce(bool* for_good) {
  grpc::ClientContext context;
  {
    MutexLock lock(&mu_);
    context_ = &context;
    stream_over_ = false;
  }
  const std::unique_ptr<Stream> stream = stub_->Follow(&context);
  std::thread writer([this, &stream] { WriteReports(stream.get()); });
  absl::Status handled;
  bool opened = false;
  for (LearnerMessage message; handled.ok() && stream->Read(&message);) {
    opened = true;
    backoff_.Reset();
    handled = handler_->OnMessage(std::move(message));
  }
  if (options_.on_heard) options_.on_heard(false);
  if (!handled.ok()) context.TryCancel();
  {
    MutexLock lock(&mu_);
    stream_over_ = true;
    changed_.NotifyAll();
  }
  writer.join();
  const absl::Status ended = FromGrpc(stream->Finish());
  {
    MutexLock lock(&mu_);
    context_ = nullptr;
  }
  if (!handled.ok()) {
    *for_good = true;
    return handled;
  }
  if (ended.ok()) return opened ? absl::OkStatus() : absl::UnavailableError("the stream ended");
  return opened && IsTransient(ended) ? absl::OkStatus() : ended;
}

// Reports until the stream is over; the last one says so when this process leaves.
void RunFollower::WriteReports(Stream* stream) {
  FollowerMessage first;
  first.set_role(options_.role);
  *first.mutable_seat() = seat();
  handler_->FillFirst(&first);
  handler_->FillReport(&first);
  *first.mutable_usage() = MeasureUsage(&meter_);
  bool open = stream->Write(first);
  bool leaving = false;
  while (open && !leaving) {
    {
      const Clock::Time due = Clock::Real()->Now() + kReportEvery;
      MutexLock lock(&mu_);
      while (!report_now_ && !leaving_ && !stream_over_ && changed_.WaitUntil(&mu_, due)) {
      }
      if (stream_over_) return;
      report_now_ = false;
      leaving = leaving_;
    }
    FollowerMessage report;
    handler_->FillReport(&report);
    *report.mutable_usage() = MeasureUsage(&meter_);
    report.set_leaving(leaving);
    open = stream->Write(report);
  }
  if (!open) return;
  stream->WritesDone();
  // The learner answers by ending the stream; one that does not must not keep us.
  const Clock::Time until = Clock::Real()->Now() + kLeaveTimeout;
  MutexLock lock(&mu_);
  while (!stream_over_ && changed_.WaitUntil(&mu_, until)) {
  }
  if (!stream_over_ && context_ != nullptr) context_->TryCancel();
}

}  // namespace pmoe
