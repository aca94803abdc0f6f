// A process's membership in a run, for actors, evaluators and replay shards alike: joins the
// learner, follows its directives, reports every second, and comes back by itself when the learner
// or the connection was away. Thread-safe; owns one thread between Follow and Leave.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/base/process_usage.h"
#include "common/rpc/address.h"
#include "common/rpc/reconnecting_stream.h"
#include "common/rpc/security.h"
#include "grpcpp/client_context.h"
#include "proto/run.grpc.pb.h"

namespace pmoe {

// What the process does with its membership. Called by the follower's threads; OnMessage and
// FillReport may run at the same time.
class FollowerHandler {
 public:
  virtual ~FollowerHandler() = default;
  // After every Join but the first: the learner may be another process now.
  virtual void OnRejoin(const JoinReply& reply) {}
  // Opens a stream: adds the env spec and what else the first message needs.
  virtual void FillFirst(FollowerMessage* message) {}
  // Every second, and soon after ReportNow.
  virtual void FillReport(FollowerMessage* message) = 0;
  // An error ends the membership for good; CancelledError: in order, the run is finished.
  virtual absl::Status OnMessage(LearnerMessage message) = 0;
  // The membership has ended for good, RunFollower::status() says why: nothing comes any more.
  virtual void OnOver() {}
};

struct RunFollowerOptions {
  RpcAddress learner{};
  RpcSecurity security{};
  RunRole role = RUN_ROLE_ACTOR;
  ProcessInfo process{};              // MakeProcessInfo
  std::chrono::seconds give_up{600};  // so long without a learner: UnavailableError
  // A seat that this process had in an earlier life, to come back to; none: any.
  std::optional<Seat> previous{};
  // Told of each seat that is not the one before, by the thread that joins; may be empty.
  std::function<void(const Seat& seat)> on_seat{};
  // Told whenever the learner has given a seat (true) and is lost (false), by the thread that
  // finds out; may be empty.
  std::function<void(bool heard)> on_heard{};
};

// This process: host, pid, build.
ProcessInfo MakeProcessInfo();

class RunFollower {
 public:
  // `handler` outlives the follower.
  RunFollower(RunFollowerOptions options, FollowerHandler* handler);
  ~RunFollower();

  // The first seat. Tries again until there is a learner, saying on stderr when the next attempt
  // comes; CancelledError once *interrupted, and for a finished run. An error that another attempt
  // cannot mend (another build, no free seat) is returned as the learner put it.
  absl::StatusOr<JoinReply> Join(const std::atomic<bool>& interrupted);
  // Starts to follow. After Join.
  void Follow();
  // Sends a report soon, without waiting for the second to pass.
  void ReportNow() ABSL_LOCKS_EXCLUDED(mu_);
  // Gives its seat back and asks for another, as a new process would: OnRejoin says when it is
  // there.
  void TakeNewSeat() ABSL_LOCKS_EXCLUDED(mu_);
  // Sends a last report that says that this process leaves by its own will, and ends the thread.
  void Leave() ABSL_LOCKS_EXCLUDED(mu_);

  // OK while it follows or tries to; an error after it gave up or was refused; CancelledError once
  // the learner closed the run in order.
  absl::Status status() const ABSL_LOCKS_EXCLUDED(mu_);
  uint64_t reconnects() const { return reconnects_; }
  // A stream to the learner is open.
  bool connected() const ABSL_LOCKS_EXCLUDED(mu_);
  Seat seat() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  using Stream = grpc::ClientReaderWriter<FollowerMessage, LearnerMessage>;

  absl::StatusOr<JoinReply> TryJoin();
  void TakeSeat(const Seat& seat) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Finished() const;
  absl::Status Rejoin();
  absl::Status Serve(const std::shared_ptr<grpc::Channel>& channel, grpc::ClientContext* context);
  NextStream OnEnd(absl::Status status) ABSL_LOCKS_EXCLUDED(mu_);
  void SayWhy(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mu_);
  void WriteReports(Stream* stream);
  absl::Status ReadMessages(Stream* stream);
  void Report(FollowerMessage* message);
  std::string Explained(const absl::Status& status) const;

  const RunFollowerOptions options_;
  FollowerHandler* const handler_;
  ProcessMeter meter_;  // the reporting thread's
  std::atomic<uint64_t> reconnects_{0};

  // The stream's thread's.
  bool has_seat_ = false;  // of a Join that no stream has followed yet
  bool heard_ = false;     // this stream brought a message
  absl::Status over_;      // why the membership ends, whatever becomes of the stream
  Clock::Time last_heard_{};

  mutable Mutex mu_;
  CondVar changed_;
  Seat seat_ ABSL_GUARDED_BY(mu_);
  bool report_now_ ABSL_GUARDED_BY(mu_) = false;
  bool leaving_ ABSL_GUARDED_BY(mu_) = false;
  bool wants_new_seat_ ABSL_GUARDED_BY(mu_) = false;
  std::string last_said_ ABSL_GUARDED_BY(mu_);    // why the learner ended a stream
  bool stream_over_ ABSL_GUARDED_BY(mu_) = true;  // nothing more to read
  absl::Status status_ ABSL_GUARDED_BY(mu_);
  ReconnectingStream stream_;  // last: its thread uses what stands above
};

}  // namespace pmoe
