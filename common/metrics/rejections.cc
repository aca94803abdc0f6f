#include "common/metrics/rejections.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/log.h"

namespace pmoe {
namespace {

constexpr std::chrono::seconds kSayEvery(10);

}  // namespace

Rejections& Rejections::OfProcess() {
  static auto& rejections = *new Rejections();
  return rejections;
}

void Rejections::Add(absl::string_view door, absl::string_view reason, absl::string_view who,
                     absl::string_view what) {
  int64_t unsaid = 0;
  {
    MutexLock lock(&mu_);
    Entry& entry = entries_[{std::string(door), std::string(reason)}];
    const Clock::Time now = clock_->Now();
    const bool quiet = entry.count++ > 0 && now < entry.next_line;
    if (quiet) {
      ++entry.unsaid;
      return;
    }
    entry.next_line = now + kSayEvery;
    unsaid = std::exchange(entry.unsaid, 0);
  }
  const std::string more = unsaid == 0 ? "" : absl::StrCat(" (and ", unsaid, " before it)");
  Log(LogLevel::kWarning, "refused of ", who, " at ", door, ": ", what, more);
}

std::map<Rejections::Key, int64_t> Rejections::Counts() const {
  MutexLock lock(&mu_);
  std::map<Key, int64_t> counts;
  for (const auto& [key, entry] : entries_) counts[key] = entry.count;
  return counts;
}

}  // namespace pmoe
