#include "common/rpc/reconnecting_stream.h"

#include <utility>

#include "common/rpc/channel.h"

namespace pmoe {

ReconnectingStream::ReconnectingStream(PeerRole server, const RpcSecurity& security,
                                       const Rng& jitter, StreamCallbacks callbacks, Clock* clock)
    : server_(server),
      security_(security),
      callbacks_(std::move(callbacks)),
      clock_(clock),
      backoff_(jitter),
      changed_(clock) {}

ReconnectingStream::~ReconnectingStream() { Stop(); }

void ReconnectingStream::Start() {
  thread_ = std::thread([this] { Loop(); });
}

void ReconnectingStream::SetAddress(const RpcAddress& address) {
  const std::string text = address.Text();
  MutexLock lock(&mu_);
  if (text != address_) {
    address_ = text;
    channel_ = MakeChannel(address, server_, security_);
    moved_ = true;
    if (context_ != nullptr) context_->TryCancel();
  }
  try_now_ = true;
  changed_.NotifyAll();
}

void ReconnectingStream::Stop(Clock::Time deadline) {
  {
    MutexLock lock(&mu_);
    stopped_ = true;
    changed_.NotifyAll();
    // Meanwhile the owner and its peer say goodbye, so that the peer sees an end and not a loss.
    while (context_ != nullptr && changed_.WaitUntil(&mu_, deadline)) {
    }
    // Under the lock: Serve takes the context away before it is gone.
    if (context_ != nullptr) context_->TryCancel();
  }
  if (thread_.joinable()) thread_.join();
}

std::shared_ptr<grpc::Channel> ReconnectingStream::channel() const {
  MutexLock lock(&mu_);
  return channel_;
}

std::string ReconnectingStream::address() const {
  MutexLock lock(&mu_);
  return address_;
}

void ReconnectingStream::Loop() {
  NextStream next = NextStream::kSoon;
  for (bool open = AwaitAddress(); open; open = next != NextStream::kNone && Pause(next)) {
    absl::Status status = callbacks_.prepare ? callbacks_.prepare() : absl::OkStatus();
    if (status.ok()) status = Serve();
    {
      MutexLock lock(&mu_);
      if (stopped_) return;
    }
    next = callbacks_.ended(status);
  }
}

// An owner may be told the address later. False once stopped.
bool ReconnectingStream::AwaitAddress() {
  MutexLock lock(&mu_);
  while (!stopped_ && channel_ == nullptr) changed_.Wait(&mu_);
  return !stopped_;
}

absl::Status ReconnectingStream::Serve() {
  grpc::ClientContext context;
  std::shared_ptr<grpc::Channel> channel;
  {
    // In one step: from here on a new address cancels this context, and what came before is known.
    MutexLock lock(&mu_);
    if (stopped_) return absl::CancelledError("stopped");
    channel = channel_;
    context_ = &context;
    try_now_ = moved_ = false;
  }
  const absl::Status status = callbacks_.serve(channel, &context);
  MutexLock lock(&mu_);
  context_ = nullptr;
  changed_.NotifyAll();  // Stop waits for it
  return status;
}

// False once stopped. An address that was never tried owes nothing to the one before.
bool ReconnectingStream::Pause(NextStream next) {
  MutexLock lock(&mu_);
  if (std::exchange(moved_, false) || next == NextStream::kSoon) backoff_.Reset();
  const Clock::Time until = clock_->Now() + backoff_.Next();
  while (!stopped_ && !try_now_ && changed_.WaitUntil(&mu_, until)) {
  }
  try_now_ = false;
  return !stopped_;
}

}  // namespace pmoe
