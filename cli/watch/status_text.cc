#include "cli/watch/status_text.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/watch/run_lines.h"

namespace pmoe {
namespace {

// "actor 3", "evaluator", "replay 0".
std::string MemberName(const MemberStatus& member) {
  switch (member.role()) {
    case RUN_ROLE_ACTOR:
      return absl::StrCat("actor ", member.index());
    case RUN_ROLE_EVALUATOR:
      return "evaluator";
    case RUN_ROLE_REPLAY:
      return absl::StrCat("replay ", member.index());
    default:
      return "?";
  }
}

// What acknowledged rows are worth, and how many were lost.
std::string DurabilityText(const TableStats& table) {
  std::string text;
  if (!table.durability().empty()) absl::StrAppend(&text, ", durability ", table.durability());
  if (table.rows_lost() > 0) absl::StrAppend(&text, ", ", table.rows_lost(), " ROWS LOST");
  return text;
}

// Of a shard's tables beside the run's own.
std::string NamedTablesText(const TableStats& table) {
  std::string text;
  for (const NamedTableStats& named : table.tables()) {
    absl::StrAppend(&text, ", table ", named.name(), ": ", named.size(), " rows, ", named.sampled(),
                    " sampled");
  }
  return text;
}

// Of an actor that paces a robot.
std::string PaceText(const ActorRates& rates) {
  std::string text;
  if (rates.deadline_misses() > 0) {
    absl::StrAppend(&text, ", ", rates.deadline_misses(), " deadlines missed");
  }
  if (rates.rows_left_out() > 0) {
    absl::StrAppend(&text, ", ", rates.rows_left_out(), " ROWS LEFT OUT");
  }
  return text;
}

// What an older actor does not say.
std::string TimeText(const ActorRates& rates) {
  if (!rates.has_time()) return "";
  const ActorTime& time = rates.time();
  return absl::StrFormat(" (env %.0f%%, policy %.0f%%, write %.0f%%, blocked %.0f%%, idle %.0f%%)",
                         100.0 * time.env(), 100.0 * time.policy(), 100.0 * time.write(),
                         100.0 * time.blocked(), 100.0 * time.idle());
}

std::string UsageText(const MemberStatus& member) {
  if (!member.has_usage()) return "";
  return absl::StrFormat("CPU %.2f, %.0f MB; ", member.usage().cpu_cores(),
                         static_cast<double>(member.usage().memory_bytes()) / 1e6);
}

// What is particular to the role.
std::string DetailText(const MemberStatus& member) {
  if (member.role() == RUN_ROLE_ACTOR) {
    return absl::StrFormat(
        "%.0f steps/s%s, %d unacked chunks, waited %.1f s for room, %d reconnects%s; ",
        member.rates().env_steps_per_s(), TimeText(member.rates()), member.rates().unacked_chunks(),
        member.rates().write_blocked_s(), member.rates().reconnects(), PaceText(member.rates()));
  }
  if (member.role() == RUN_ROLE_REPLAY) {
    const std::string disk = DiskText(member.table().disk());
    const int64_t loaded = member.table().loaded();
    return absl::StrFormat("%d rows held, %.1f MB%s, %d inserted%s, %d sampled, %d writers%s%s; ",
                           member.table().size(), static_cast<double>(member.table().bytes()) / 1e6,
                           disk.empty() ? "" : ", disk " + disk, member.table().inserted(),
                           loaded > 0 ? absl::StrCat(", ", loaded, " loaded") : "",
                           member.table().sampled(), member.table().writers(),
                           DurabilityText(member.table()), NamedTablesText(member.table()));
  }
  return "";
}

std::string MemberText(const MemberStatus& member) {
  return absl::StrFormat(
      "  %-11s %-9s v%-8d seen %4.1f s ago  %s%sepoch %d, pid %d on %s, metrics %s\n",
      MemberName(member), member.connected() ? "connected" : "GONE", member.policy_version(),
      member.last_report_s(), DetailText(member), UsageText(member), member.epoch(),
      member.process().pid(), member.process().host(), member.process().metrics_address());
}

int Rank(const MemberStatus& member) {
  if (!member.connected()) return 0;
  if (member.role() == RUN_ROLE_REPLAY) return 1;
  return member.role() == RUN_ROLE_EVALUATOR ? 2 : 3;
}

// Who waits for whom; of one shard the learner only repeats what the shard says.
std::string LimitersText(const RunStatus& status) {
  std::string text;
  int shards = 0;
  for (const MemberStatus& member : status.members()) {
    if (member.role() == RUN_ROLE_REPLAY) ++shards;
    if (member.table().limiter().empty()) continue;
    absl::StrAppend(&text, MemberName(member), " limiter: ", member.table().limiter(), "\n");
  }
  if (shards == 1 || status.limiter().empty()) return text;
  return absl::StrCat(text, "limiter: ", status.limiter(), "\n");
}

std::string MembersText(const RunStatus& status) {
  int connected = 0;
  double rate = 0.0;
  std::vector<const MemberStatus*> members;
  for (const MemberStatus& member : status.members()) {
    members.push_back(&member);
    connected += member.connected() ? 1 : 0;
    if (member.connected()) rate += member.rates().env_steps_per_s();
  }
  std::stable_sort(
      members.begin(), members.end(),
      [](const MemberStatus* a, const MemberStatus* b) { return Rank(*a) < Rank(*b); });
  const size_t gone = members.size() - static_cast<size_t>(connected);
  std::string text = absl::StrFormat("%d connections%s, the actors' %.0f steps/s:\n", connected,
                                     gone > 0 ? absl::StrCat(" (", gone, " gone)") : "", rate);
  for (const MemberStatus* member : members) text += MemberText(*member);
  return text;
}

}  // namespace

std::string StatusText(const RunStatus& status) {
  std::string text =
      absl::StrFormat("%s  %s, %s\nrun %s in %s, learner epoch %d (pid %d on %s)\n", status.label(),
                      status.mode(), status.state(), status.run_id(), status.directory(),
                      status.learner_epoch(), status.process().pid(), status.process().host());
  for (const std::string& line :
       {status.verdict().text(), ProgressText(status), LearnerTimeText(status), AgesText(status),
        LatenciesText(status), CostText(status), MachineText(status), BuildsText(status)}) {
    if (!line.empty()) absl::StrAppend(&text, line, "\n");
  }
  return absl::StrCat(text, LimitersText(status), MembersText(status));
}

}  // namespace pmoe
