// Who may act for the learner: one run, and within it the newest life (epoch) of its learner.
// Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/base/mutex.h"
#include "proto/replay.pb.h"

namespace pmoe {

class LearnerFence {
 public:
  // The run that this shard belongs to; the first one stays.
  void AdoptRun(const std::string& run_id) ABSL_LOCKS_EXCLUDED(mu_);
  // FailedPreconditionError: `who` is of another run.
  absl::Status CheckRun(absl::string_view who, const std::string& run_id) const
      ABSL_LOCKS_EXCLUDED(mu_);
  // Adopts the run if there is none, and takes a newer epoch over. FailedPreconditionError: another
  // run, or an epoch that a newer one has superseded.
  absl::Status Admit(const LearnerId& learner) ABSL_LOCKS_EXCLUDED(mu_);
  // Cheap: asked while a call waits.
  bool IsCurrent(uint64_t epoch) const { return epoch >= epoch_; }
  // What a call of `epoch` is told once it is not current.
  absl::Status Superseded(uint64_t epoch) const;

 private:
  mutable Mutex mu_;
  std::string run_id_ ABSL_GUARDED_BY(mu_);
  std::atomic<uint64_t> epoch_{0};
};

}  // namespace pmoe
