#include "replay/service/stall_report.h"

#include "absl/strings/str_cat.h"

namespace pmoe {

bool StallReport::IsDue(double waited_s, Side* side) {
  if (waited_s < side->last_s) side->due_s = kFirst_s;  // another wait
  side->last_s = waited_s;
  if (waited_s < side->due_s) return false;
  while (side->due_s <= waited_s) side->due_s *= 2.0;
  return true;
}

std::vector<std::string> StallReport::Look(const ShardStats& counts, absl::string_view limiter) {
  std::vector<std::string> lines;
  const auto look = [&](const char* what, double waited_s, Side* side) {
    if (!IsDue(waited_s, side)) return;
    lines.push_back(
        absl::StrCat(what, " have waited for ", static_cast<int>(waited_s), " s: ", limiter));
  };
  look("inserts", counts.inserts_blocked.current, &inserts_);
  look("samples", counts.samples_blocked.current, &samples_);
  return lines;
}

}  // namespace pmoe
