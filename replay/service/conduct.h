// How often each writer has lately sent what makes no sense. One that goes on with it is put out
// for a while, whatever life it is in: its stream ends, and its hellos are refused as
// UnavailableError, which an honest writer takes for a shard that is away. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <utility>

#include "absl/status/status.h"
#include "common/base/mutex.h"

namespace pmoe {

class Conduct {
 public:
  static constexpr int kRefusedMax = 32;  // within kMemory
  static constexpr std::chrono::seconds kMemory{60};
  static constexpr std::chrono::seconds kOut{30};

  explicit Conduct(Clock* clock = Clock::Real()) : clock_(clock) {}

  // OK: the writer may speak. UnavailableError: not for a while.
  absl::Status Check(uint32_t member, uint32_t actor) ABSL_LOCKS_EXCLUDED(mu_);
  // The writer has sent nonsense; what Check says from now on.
  absl::Status OnNonsense(uint32_t member, uint32_t actor) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  using ActorKey = std::pair<uint32_t, uint32_t>;  // (member, actor)
  struct Record {
    int refused = 0;
    Clock::Time forgotten_at{};  // if nothing more comes
    Clock::Time out_until{};
  };

  void Forget(Clock::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status CheckLocked(const ActorKey& key, Clock::Time now) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Clock* const clock_;
  mutable Mutex mu_;
  std::map<ActorKey, Record> records_ ABSL_GUARDED_BY(mu_);  // of writers that a shard admits
};

}  // namespace pmoe
