#include "cli/sweep/sweep_process.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/string_view.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"

namespace pmoe {

absl::StatusOr<SweepProcess> SweepProcess::Start(SweepProcessOptions options) {
  std::error_code ignored;
  if (!options.report.empty()) std::filesystem::remove(options.report, ignored);
  PMOE_ASSIGN_OR_RETURN(Child child, Child::Start(options.words, options.log));
  return SweepProcess(std::move(options), std::move(child));
}

SweepProcess::SweepProcess(SweepProcessOptions options, Child child)
    : options_(std::move(options)), child_(std::move(child)), open_(options_.runs) {}

std::vector<SweepNews> SweepProcess::News() {
  std::vector<SweepNews> news;
  if (!is_group()) return news;
  const absl::StatusOr<std::string> text = ReadFile(options_.report);
  if (!text.ok() || text->size() <= read_) return news;
  // A line is whole once its end is there.
  const absl::string_view fresh = absl::string_view(*text).substr(read_);
  read_ += fresh.rfind('\n') + 1;  // npos + 1 = 0
  for (SeedReport& report : ParseSeedReports(fresh)) {
    const auto run = open_.find(report.seed);
    if (run == open_.end()) continue;
    news.push_back({run->second, report.event, std::move(report.failure)});
    if (report.event != SeedEvent::kBegun) open_.erase(run);
  }
  return news;
}

int SweepProcess::trainings() const {
  return std::min(options_.at_once, static_cast<int>(open_.size()));
}

}  // namespace pmoe
