// The life of a client's stream: a thread that opens one stream after the other, pauses between
// them, moves to another address, and ends. What is said on a stream, and whether its end was bad
// luck or the last word, is the owner's: three callbacks, none of them called with a lock held.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "common/base/mutex.h"
#include "common/base/rng.h"
#include "common/rpc/address.h"
#include "common/rpc/backoff.h"
#include "common/rpc/rpc_status.h"
#include "common/rpc/security.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"

namespace pmoe {

enum class NextStream {
  kNone,   // the thread ends
  kLater,  // after a pause that grows with every stream like this one
  kSoon,   // this one was of use: after the shortest pause
};

struct StreamCallbacks {
  // Before each stream: waits until there is a reason to open one, or asks for leave to. An error
  // goes to `ended`. May be empty.
  std::function<absl::Status()> prepare;
  // Opens a stream on the context and returns why it ended. Returns soon after TryCancel.
  std::function<absl::Status(const std::shared_ptr<grpc::Channel>&, grpc::ClientContext*)> serve;
  // What `prepare` or `serve` returned. Not called once stopped.
  std::function<NextStream(const absl::Status&)> ended;
};

// Thread-safe, but for Start and Stop: the owner's thread. Owns one thread, which runs all
// callbacks.
class ReconnectingStream {
 public:
  ReconnectingStream(PeerRole server, const RpcSecurity& security, const Rng& jitter,
                     StreamCallbacks callbacks, Clock* clock = Clock::Real());
  // Stops. As the last member of its owner it ends before what the callbacks use.
  ~ReconnectingStream();

  // After this the callbacks are called, once there is an address.
  void Start();
  // Where the server is, now or from now on. Ends a pause; ends the stream to another address.
  void SetAddress(const RpcAddress& address) ABSL_LOCKS_EXCLUDED(mu_);
  // No more streams; the open one may come to its end until then and is cancelled after. The owner
  // wakes its `prepare` before.
  void Stop(Clock::Time deadline = Clock::Time::min()) ABSL_LOCKS_EXCLUDED(mu_);

  // Of the address that is set; null before one is.
  std::shared_ptr<grpc::Channel> channel() const ABSL_LOCKS_EXCLUDED(mu_);
  std::string address() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Loop() ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Serve() ABSL_LOCKS_EXCLUDED(mu_);
  bool AwaitAddress() ABSL_LOCKS_EXCLUDED(mu_);
  bool Pause(NextStream next) ABSL_LOCKS_EXCLUDED(mu_);

  const PeerRole server_;
  const RpcSecurity security_;
  const StreamCallbacks callbacks_;
  Clock* const clock_;
  Backoff backoff_;  // the thread's

  mutable Mutex mu_;
  CondVar changed_;
  std::string address_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<grpc::Channel> channel_ ABSL_GUARDED_BY(mu_);
  grpc::ClientContext* context_ ABSL_GUARDED_BY(mu_) = nullptr;  // of the stream that is open
  bool try_now_ ABSL_GUARDED_BY(mu_) = false;  // somebody knows that it is worth an attempt
  bool moved_ ABSL_GUARDED_BY(mu_) = false;    // since the last stream began
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

// One stream from its first message to its end, and why it ended. gRPC lets one thread write while
// another reads: `write` has a thread of its own, `read` the caller's. `read` returns once there is
// nothing more to read; an error of its own cancels the stream and is the one returned. `read_over`
// then lets `write`, which may wait for something to say, come to its end.
template <typename Stream>
absl::Status Converse(Stream* stream, grpc::ClientContext* context,
                      const std::function<void(Stream*)>& write,
                      const std::function<absl::Status(Stream*)>& read,
                      const std::function<void()>& read_over) {
  std::thread writer([stream, &write] {
    write(stream);
    stream->WritesDone();
  });
  const absl::Status status = read(stream);
  if (!status.ok()) context->TryCancel();
  read_over();
  writer.join();
  const absl::Status ended = FromGrpc(stream->Finish());
  return status.ok() ? ended : status;
}

}  // namespace pmoe
