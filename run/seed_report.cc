#include "run/seed_report.h"

#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace pmoe {
namespace {

constexpr std::pair<absl::string_view, SeedEvent> kWords[] = {
    {"begun", SeedEvent::kBegun}, {"ended", SeedEvent::kEnded}, {"failed", SeedEvent::kFailed}};

std::optional<SeedReport> ParseLine(absl::string_view line) {
  const std::vector<absl::string_view> parts = absl::StrSplit(line, absl::MaxSplits(' ', 2));
  SeedReport report;
  if (parts.size() < 2 || !absl::SimpleAtoi(parts[1], &report.seed)) return std::nullopt;
  for (const auto& [word, event] : kWords) {
    if (parts[0] != word) continue;
    report.event = event;
    if (parts.size() > 2) report.failure = std::string(parts[2]);
    return report;
  }
  return std::nullopt;
}

}  // namespace

std::string SeedReportLine(const SeedReport& report) {
  std::string line;
  for (const auto& [word, event] : kWords) {
    if (event == report.event) line = absl::StrCat(word, " ", report.seed);
  }
  const absl::string_view failure = report.failure;
  if (!failure.empty()) absl::StrAppend(&line, " ", failure.substr(0, failure.find('\n')));
  return line + "\n";
}

std::vector<SeedReport> ParseSeedReports(absl::string_view text) {
  std::vector<SeedReport> reports;
  for (size_t end = text.find('\n'); end != text.npos; end = text.find('\n')) {
    const std::optional<SeedReport> report = ParseLine(text.substr(0, end));
    if (report.has_value()) reports.push_back(*report);
    text.remove_prefix(end + 1);
  }
  return reports;
}

}  // namespace pmoe
