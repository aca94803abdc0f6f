#include "replay/service/conduct.h"

#include "absl/strings/str_cat.h"
#include "replay/core/stream_book.h"

namespace pmoe {

absl::Status Conduct::Check(uint32_t member, uint32_t actor) {
  const Clock::Time now = clock_->Now();
  MutexLock lock(&mu_);
  Forget(now);
  return CheckLocked({member, actor}, now);
}

absl::Status Conduct::OnNonsense(uint32_t member, uint32_t actor) {
  const Clock::Time now = clock_->Now();
  MutexLock lock(&mu_);
  Forget(now);
  if (member != 0 || actor >= StreamBook::kWritersMax)
    return absl::OkStatus();  // is refused anyway
  Record& record = records_[{member, actor}];
  record.forgotten_at = now + kMemory;
  if (++record.refused >= kRefusedMax) {
    record.refused = 0;
    record.out_until = now + kOut;
  }
  return CheckLocked({member, actor}, now);
}

void Conduct::Forget(Clock::Time now) {
  std::erase_if(records_, [now](const auto& entry) { return entry.second.forgotten_at <= now; });
}

absl::Status Conduct::CheckLocked(const ActorKey& key, Clock::Time now) const {
  const auto record = records_.find(key);
  if (record == records_.end() || record->second.out_until <= now) return absl::OkStatus();
  const auto left = std::chrono::ceil<std::chrono::seconds>(record->second.out_until - now);
  return absl::UnavailableError(absl::StrCat(
      "actor ", key.second, " has sent ", kRefusedMax,
      " chunks that make no sense and is put out; it may come back in ", left.count(), " s"));
}

}  // namespace pmoe
