// What a process that trains several seeds tells the one that started it: a line per event in a
// file of its own, `pmoe-train --seed-report FILE`. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace pmoe {

enum class SeedEvent { kBegun, kEnded, kFailed };

struct SeedReport {
  uint64_t seed = 0;
  SeedEvent event = SeedEvent::kBegun;
  std::string failure;  // of kFailed; its first line
};

// "begun 3\n", "ended 3\n", "failed 3 critic_loss is not finite\n".
std::string SeedReportLine(const SeedReport& report);

// Of the whole lines in `text`, in their order; lines that are none of these are left out.
std::vector<SeedReport> ParseSeedReports(absl::string_view text);

}  // namespace pmoe
