// Streams that were opened and have said nothing yet. Each holds a thread of the server, so each
// has a deadline for its first message, and where there are too many the oldest goes. One object
// for each door; outlives its calls. Thread-safe; owns one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "grpcpp/server_context.h"

namespace pmoe {

struct FirstMessageOptions {
  std::chrono::milliseconds deadline{10'000};
  size_t waiting_max = 256;
};

class FirstMessages {
 public:
  // `door`: for pmoe_rejected_total.
  explicit FirstMessages(std::string door, FirstMessageOptions options = {});
  ~FirstMessages();

  // The stream's first message. DeadlineExceededError: none came in time; UnavailableError: too
  // many wait. Then the call is over.
  template <typename Stream, typename Message>
  absl::Status Read(grpc::ServerContext* context, Stream* stream, Message* message) {
    absl::StatusOr<Place> place = Enter(context);
    if (!place.ok()) return place.status();
    const bool spoke = stream->Read(message);
    return Leave(*place, spoke);
  }

 private:
  struct Waiting {
    grpc::ServerContext* context = nullptr;
    Clock::Time deadline{};
    bool cancelled = false;
  };
  using Place = std::list<Waiting>::iterator;

  absl::StatusOr<Place> Enter(grpc::ServerContext* context) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Leave(Place place, bool spoke) ABSL_LOCKS_EXCLUDED(mu_);
  // The first that is not cancelled, which is the oldest.
  Place Oldest() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Under the lock: that keeps the context alive.
  static void Cancel(Place place);
  void Watch() ABSL_LOCKS_EXCLUDED(mu_);

  const std::string door_;
  const FirstMessageOptions options_;
  Mutex mu_;
  CondVar changed_;
  std::list<Waiting> waiting_ ABSL_GUARDED_BY(mu_);  // in the order of their deadlines
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  std::thread watch_;  // last: it uses what stands above
};

}  // namespace pmoe
