#include "cli/watch/status_screen.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "cli/watch/status_text.h"

namespace pmoe {
namespace {

constexpr size_t kWrapLines = 2;
constexpr char kIndent[] = "       ";
constexpr char kHead[] = "MEMBER      STATE  EPOCH  VERSION    LAG   STEPS/S    SEEN  PROCESS";

// 1234567 as "1,234,567".
std::string Grouped(uint64_t number) {
  std::string text = absl::StrCat(number);
  for (size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, ",");
  return text;
}

std::string DurationText(double seconds) {
  const auto whole = static_cast<int64_t>(seconds);
  return absl::StrFormat("%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60);
}

// "build 0.1.0 (…)", or how many have which, where they differ.
std::string BuildText(const RunStatus& status) {
  std::map<std::string, int> builds = {{status.process().build_id(), 1}};
  for (const MemberStatus& member : status.members()) ++builds[member.process().build_id()];
  if (builds.size() == 1) return "build " + builds.begin()->first;
  std::string text = "BUILDS DIFFER:";
  for (const auto& [build, count] : builds) absl::StrAppend(&text, " ", build, " × ", count);
  return text;
}

std::string ActorsText(const RunStatus& status) {
  int connected = 0, gone = 0;
  double rate = 0.0;
  for (const MemberStatus& member : status.members()) {
    if (member.role() != RUN_ROLE_ACTOR) continue;
    ++(member.connected() ? connected : gone);
    if (member.connected()) rate += member.rates().env_steps_per_s();
  }
  return absl::StrFormat("actors  %d%s, %.0f steps/s", connected,
                         gone > 0 ? absl::StrCat(" (", gone, " gone)") : "", rate);
}

std::string MemberLine(const MemberStatus& member, uint64_t newest_version) {
  const std::string start = absl::StrFormat("%-11s %-5s  %5d  ", MemberName(member),
                                            member.connected() ? "ok" : "GONE", member.epoch());
  if (member.role() == RUN_ROLE_REPLAY) {
    const std::string disk = DiskText(member.table().disk());
    return absl::StrFormat(
        "%s%s rows, %.1f MB%s", start, Grouped(static_cast<uint64_t>(member.table().size())),
        1e-6 * static_cast<double>(member.table().bytes()), disk.empty() ? "" : "; disk " + disk);
  }
  const uint64_t version = member.policy_version();
  const std::string rate = member.role() == RUN_ROLE_ACTOR
                               ? absl::StrFormat("%.0f", member.rates().env_steps_per_s())
                               : "";
  return absl::StrFormat("%s%-9s %4d  %8s  %4.1f s  %s:%d", start, absl::StrCat("v", version),
                         newest_version - std::min(version, newest_version), rate,
                         member.last_report_s(), member.process().host(), member.process().pid());
}

int Rank(const MemberStatus& member) {
  if (!member.connected()) return 0;
  if (member.role() == RUN_ROLE_REPLAY) return 1;
  return member.role() == RUN_ROLE_EVALUATOR ? 2 : 3;
}

// `text` after `head`, over as many lines as it needs, at most kWrapLines.
void AppendWrapped(const std::string& head, const std::string& text, int columns,
                   std::vector<std::string>* lines) {
  std::vector<std::string> wrapped = {head};
  for (const absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    if (wrapped.back().size() + 1 + word.size() >= static_cast<size_t>(columns)) {
      if (wrapped.size() == kWrapLines) break;
      wrapped.emplace_back(kIndent);
    }
    absl::StrAppend(&wrapped.back(), " ", word);
  }
  lines->insert(lines->end(), wrapped.begin(), wrapped.end());
}

// Who waits for whom; of one shard the learner only repeats what the shard says.
void AppendLimiters(const RunStatus& status, int columns, std::vector<std::string>* lines) {
  int shards = 0;
  for (const MemberStatus& member : status.members()) {
    if (member.role() == RUN_ROLE_REPLAY) ++shards;
    if (member.table().limiter().empty()) continue;
    AppendWrapped("limiter", absl::StrCat(MemberName(member), ": ", member.table().limiter()),
                  columns, lines);
  }
  if (shards != 1 && !status.limiter().empty()) {
    AppendWrapped("limiter", status.limiter(), columns, lines);
  }
}

std::vector<std::string> HeaderLines(const RunStatus& status, const std::string& time,
                                     int columns) {
  const double share = 100.0 * static_cast<double>(status.env_steps()) /
                       static_cast<double>(std::max<uint64_t>(status.total_steps(), 1));
  std::vector<std::string> lines = {
      absl::StrFormat("%s  %s, %s", status.label(), status.mode(), status.state()),
      absl::StrFormat("run     %s  %s  up %s", status.directory(), time,
                      DurationText(status.uptime_s())),
      absl::StrFormat("learner %s:%d, epoch %d, %s", status.process().host(),
                      status.process().pid(), status.learner_epoch(), BuildText(status)),
      absl::StrFormat("steps   %s of %s (%.1f %%), %.0f/s", Grouped(status.env_steps()),
                      Grouped(status.total_steps()), share, status.env_steps_per_s()),
      absl::StrFormat(
          "updates %s, %.0f/s; evaluation %s", Grouped(status.updates()), status.updates_per_s(),
          status.has_evaluation() ? absl::StrFormat("%.1f", status.eval_return()) : "none yet"),
      absl::StrFormat("policy  v%d; sampled rows are %.1f versions, %.1f s old",
                      status.policy_version(), status.lag_versions(), status.lag_s())};
  const std::string disk = DiskText(status.disk());
  if (!disk.empty()) lines.push_back("disk    " + disk);
  AppendLimiters(status, columns, &lines);
  lines.push_back(ActorsText(status));
  return lines;
}

void AppendMembers(const RunStatus& status, size_t room, std::vector<std::string>* lines) {
  std::vector<const MemberStatus*> members;
  for (const MemberStatus& member : status.members()) members.push_back(&member);
  std::stable_sort(
      members.begin(), members.end(),
      [](const MemberStatus* a, const MemberStatus* b) { return Rank(*a) < Rank(*b); });
  if (room < 3) return;
  lines->emplace_back(kHead);
  --room;
  const bool all = members.size() <= room;
  const size_t shown = all ? members.size() : room - 1;
  for (size_t i = 0; i < shown; ++i) {
    lines->push_back(MemberLine(*members[i], status.policy_version()));
  }
  if (!all) lines->push_back(absl::StrCat("… and ", members.size() - shown, " more"));
}

}  // namespace

std::vector<std::string> StatusScreen(const StatusView& view, const ScreenSize& size) {
  std::vector<std::string> lines;
  if (!view.away_since.empty()) {
    AppendWrapped(absl::StrCat("LEARNER AWAY since ", view.away_since, ", now ", view.time, ":"),
                  absl::StrCat(view.address, ": ", view.error), size.columns, &lines);
  }
  if (view.status.has_value()) {
    for (std::string& line : HeaderLines(*view.status, view.time, size.columns))
      lines.push_back(std::move(line));
    const size_t height = static_cast<size_t>(std::max(size.lines - 1, 1));
    AppendMembers(*view.status, height - std::min(height, lines.size()), &lines);
    lines.resize(std::min(lines.size(), height));
  }
  // As LiveScreen: the last column stays free.
  for (std::string& line : lines) line = FitLine(line, size.columns - 1);
  return lines;
}

}  // namespace pmoe
