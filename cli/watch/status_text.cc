#include "cli/watch/status_text.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace pmoe {
namespace {

// What is particular to the role.
std::string DetailText(const MemberStatus& member) {
  if (member.role() == RUN_ROLE_ACTOR) {
    return absl::StrFormat("%d unacked chunks, waited %.1f s for room, %d reconnects",
                           member.rates().unacked_chunks(), member.rates().write_blocked_s(),
                           member.rates().reconnects());
  }
  if (member.role() == RUN_ROLE_REPLAY) {
    const std::string disk = DiskText(member.table().disk());
    return absl::StrFormat(
        "%d rows held, %d inserted, %d sampled, %d writers, %.1f MB%s", member.table().size(),
        member.table().inserted(), member.table().sampled(), member.table().writers(),
        static_cast<double>(member.table().bytes()) / 1e6, disk.empty() ? "" : "; disk " + disk);
  }
  return "";
}

std::string MemberText(const MemberStatus& member) {
  const std::string rate = member.role() == RUN_ROLE_ACTOR
                               ? absl::StrFormat("%.0f steps/s", member.rates().env_steps_per_s())
                               : "";
  return absl::StrFormat(
      "  %-11s epoch %-6d %-9s v%-8d %-14s pid %-8d %-12s seen %4.1f s ago  metrics %s  %s\n",
      MemberName(member), member.epoch(), member.connected() ? "connected" : "gone",
      member.policy_version(), rate, member.process().pid(), member.process().host(),
      member.last_report_s(), member.process().metrics_address(), DetailText(member));
}

}  // namespace

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

std::string DiskText(const DiskSpaceMessage& disk) {
  if (disk.total_bytes() == 0) return "";
  return absl::StrFormat("%.1f of %.1f GB free", 1e-9 * static_cast<double>(disk.free_bytes()),
                         1e-9 * static_cast<double>(disk.total_bytes()));
}

std::string StatusText(const RunStatus& status) {
  std::string text =
      absl::StrFormat("%s  %s, %s\nrun %s in %s, learner epoch %d (pid %d on %s)\n", status.label(),
                      status.mode(), status.state(), status.run_id(), status.directory(),
                      status.learner_epoch(), status.process().pid(), status.process().host());
  absl::StrAppendFormat(&text, "env steps %d of %d, %.0f/s; updates %d, %.0f/s; up %.0f s\n",
                        status.env_steps(), status.total_steps(), status.env_steps_per_s(),
                        status.updates(), status.updates_per_s(), status.uptime_s());
  absl::StrAppendFormat(
      &text, "policy v%d; sampled rows are %.1f versions, %.1f s old; evaluation %s\n",
      status.policy_version(), status.lag_versions(), status.lag_s(),
      status.has_evaluation() ? absl::StrFormat("%.1f", status.eval_return()) : "none yet");
  const std::string disk = DiskText(status.disk());
  if (!disk.empty()) absl::StrAppend(&text, "disk of the run directory: ", disk, "\n");
  if (!status.limiter().empty()) absl::StrAppend(&text, "limiter: ", status.limiter(), "\n");
  int connections = 0;
  for (const MemberStatus& member : status.members()) connections += member.connected() ? 1 : 0;
  absl::StrAppendFormat(&text, "%d connections:\n", connections);
  for (const MemberStatus& member : status.members()) text += MemberText(member);
  for (const MemberStatus& member : status.members()) {
    if (!member.table().limiter().empty()) {
      absl::StrAppend(&text, MemberName(member), " limiter: ", member.table().limiter(), "\n");
    }
  }
  return text;
}

}  // namespace pmoe
