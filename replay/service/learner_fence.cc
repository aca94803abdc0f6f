#include "replay/service/learner_fence.h"

#include "absl/strings/str_cat.h"
#include "common/base/printable_text.h"
#include "common/base/status_macros.h"

namespace pmoe {

void LearnerFence::AdoptRun(const std::string& run_id) {
  MutexLock lock(&mu_);
  if (run_id_.empty()) run_id_ = run_id;
}

absl::Status LearnerFence::CheckRun(absl::string_view who, const std::string& run_id) const {
  MutexLock lock(&mu_);
  if (run_id == run_id_) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("this shard belongs to run ", run_id_.empty() ? "(none yet)" : run_id_, ", the ",
                   who, " to run ", run_id.empty() ? "(unnamed)" : PrintableText(run_id),
                   "; give each run its own shards"));
}

absl::Status LearnerFence::Superseded(uint64_t epoch) const {
  return absl::FailedPreconditionError(absl::StrCat("learner epoch ", epoch,
                                                    " was superseded by epoch ", epoch_.load(),
                                                    "; this learner must stop"));
}

absl::Status LearnerFence::Admit(const LearnerId& learner) {
  AdoptRun(learner.run_id());
  PMOE_RETURN_IF_ERROR(CheckRun("learner", learner.run_id()));
  MutexLock lock(&mu_);
  if (!IsCurrent(learner.learner_epoch())) return Superseded(learner.learner_epoch());
  epoch_ = learner.learner_epoch();
  return absl::OkStatus();
}

}  // namespace pmoe
