// The Insert streams that are open, one per writer: who comes back ends its own older stream.
// Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "grpcpp/server_context.h"
#include "proto/replay.pb.h"

namespace pmoe {

class InsertStreams {
 public:
  // One stream's place; leaves when it is destroyed.
  class Place {
   public:
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    // Another stream has taken the place, or all had to leave.
    bool evicted() const { return evicted_; }

   private:
    friend class InsertStreams;
    Place(InsertStreams* streams, grpc::ServerContext* context, uint32_t epoch)
        : streams_(streams), context_(context), epoch_(epoch) {}
    InsertStreams* const streams_;
    grpc::ServerContext* const context_;
    const uint32_t epoch_;
    std::atomic<bool> evicted_{false};
  };

  // Evicts the writer's older stream. UnavailableError between Close and Open; OutOfRangeError
  // (MustJoinAnew) while a later life of that actor is inside. `context` outlives the place.
  absl::StatusOr<std::unique_ptr<Place>> Enter(const InsertHello& hello,
                                               grpc::ServerContext* context)
      ABSL_LOCKS_EXCLUDED(mu_);
  // Admits nobody. Those inside stay until EvictAll.
  void Close() ABSL_LOCKS_EXCLUDED(mu_);
  void Open() ABSL_LOCKS_EXCLUDED(mu_);
  void EvictAll() ABSL_LOCKS_EXCLUDED(mu_);
  // False if somebody is inside when the time is over.
  bool AwaitEmpty(std::chrono::milliseconds timeout) ABSL_LOCKS_EXCLUDED(mu_);

  uint32_t count() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  using ActorKey = std::pair<uint32_t, uint32_t>;  // (member, actor)

  // Cancels the call, whose Read then ends. Under the lock: that keeps the context alive.
  static void Evict(Place* place);
  void Leave(Place* place) ABSL_LOCKS_EXCLUDED(mu_);

  mutable Mutex mu_;
  CondVar left_;
  std::multimap<ActorKey, Place*> inside_ ABSL_GUARDED_BY(mu_);
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace pmoe
