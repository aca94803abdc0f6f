#include "cli/watch/actor_table.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/verdict/run_measure.h"

namespace pmoe {
namespace {

constexpr size_t kNamed = 5;
constexpr char kUnknown[] = "–";

// What an older process does not say is nullopt.
using Number = std::optional<double>;

// Nor does what is no number at all say anything.
Number Known(bool said, double value) {
  return said && std::isfinite(value) ? Number(value) : std::nullopt;
}

Number Steps(const MemberStatus& member) {
  return Known(member.has_rates(), member.rates().env_steps_per_s());
}
Number Blocked(const MemberStatus& member) {
  return Known(member.rates().has_time(), member.rates().time().blocked());
}
Number Idle(const MemberStatus& member) {
  return Known(member.rates().has_time(), member.rates().time().idle());
}
Number Cpu(const MemberStatus& member) {
  return Known(member.has_usage(), member.usage().cpu_cores());
}
Number Memory(const MemberStatus& member) {
  return Known(member.has_usage(), static_cast<double>(member.usage().memory_bytes()));
}

double Median(std::vector<double> values) {
  if (values.empty()) return 0.0;
  const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Known values only.
std::vector<double> Values(const std::vector<const MemberStatus*>& members,
                           Number (*number)(const MemberStatus&)) {
  std::vector<double> values;
  for (const MemberStatus* member : members) {
    if (const Number value = number(*member)) values.push_back(*value);
  }
  return values;
}

// Of which members the status says so.
struct Named {
  std::set<uint32_t> slow, silent;

  explicit Named(const VerdictMessage& verdict)
      : slow(verdict.slow_actors().begin(), verdict.slow_actors().end()),
        silent(verdict.silent_actors().begin(), verdict.silent_actors().end()) {}

  ActorState StateOf(const MemberStatus& actor) const {
    if (!actor.connected()) return ActorState::kGone;
    if (silent.count(actor.index()) > 0) return ActorState::kSilent;
    return slow.count(actor.index()) > 0 ? ActorState::kSlow : ActorState::kRunning;
  }
};

using Key = std::function<double(const ActorRow&)>;

// The smallest key comes first.
const std::map<std::string, Key, std::less<>>& Keys() {
  const auto most = [](Number (*number)(const MemberStatus&)) -> Key {
    return [number](const ActorRow& row) { return -number(*row.member).value_or(-1.0); };
  };
  static const auto& keys = *new std::map<std::string, Key, std::less<>>{
      {"state", [](const ActorRow& row) { return static_cast<double>(row.state); }},
      {"index", [](const ActorRow& row) { return static_cast<double>(row.member->index()); }},
      {"steps", [](const ActorRow& row) { return Steps(*row.member).value_or(0.0); }},
      {"blocked", most(Blocked)},
      {"idle", most(Idle)},
      {"cpu", most(Cpu)},
      {"memory", most(Memory)},
      {"weights",
       [](const ActorRow& row) { return static_cast<double>(row.member->policy_version()); }},
      {"seen",
       [](const ActorRow& row) { return -Known(true, row.member->last_report_s()).value_or(0.0); }},
  };
  return keys;
}

std::string ShareText(const Number& share) {
  return share.has_value() ? absl::StrFormat("%.0f%%", 100.0 * *share) : kUnknown;
}
// Three digits of what matters: "0.4", "98.1", "1234".
std::string RateText(const Number& rate) {
  if (!rate.has_value()) return kUnknown;
  return absl::StrFormat(*rate < 99.95 ? "%.1f" : "%.0f", *rate);
}
std::string CoresText(const Number& cores) {
  return cores.has_value() ? absl::StrFormat("%.2f", *cores) : kUnknown;
}
std::string MemoryText(const Number& bytes) {
  if (!bytes.has_value()) return kUnknown;
  return *bytes < 999.5e6 ? absl::StrFormat("%.0f MB", *bytes / 1e6)
                          : absl::StrFormat("%.1f GB", *bytes / 1e9);
}

// StrFormat counts bytes, and "–" has three of them in one column.
std::string Right(const std::string& text, int width) {
  const int columns = text == kUnknown ? 1 : static_cast<int>(text.size());
  return std::string(static_cast<size_t>(std::max(width - columns, 0)), ' ') + text;
}

// "9.0/10.1/11.2"
std::string SpreadText(std::vector<double> values, std::string (*text)(const Number&)) {
  if (values.empty()) return kUnknown;
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  return absl::StrCat(text(*least), "/", text(Median(values)), "/", text(*most));
}

const char* StateName(ActorState state) {
  switch (state) {
    case ActorState::kGone:
      return "GONE";
    case ActorState::kSilent:
      return "silent";
    case ActorState::kSlow:
      return "slow";
    case ActorState::kRunning:
      break;
  }
  return "running";
}

Tone StateTone(ActorState state) {
  if (state == ActorState::kGone) return Tone::kBad;
  return state == ActorState::kRunning ? Tone::kGood : Tone::kWarning;
}

// "3, 7, 12 and 9 more"
std::string Indices(std::vector<const MemberStatus*> members) {
  std::stable_sort(members.begin(), members.end(),
                   [](const MemberStatus* a, const MemberStatus* b) {
                     return Steps(*a).value_or(0.0) < Steps(*b).value_or(0.0);
                   });
  const size_t named = std::min(members.size(), kNamed);
  std::vector<uint32_t> indices;
  for (size_t i = 0; i < named; ++i) indices.push_back(members[i]->index());
  std::sort(indices.begin(), indices.end());
  const std::string text = absl::StrJoin(indices, ", ");
  return named == members.size() ? text
                                 : absl::StrCat(text, " and ", members.size() - named, " more");
}

StyledLine StateLine(ActorState state, const std::vector<const MemberStatus*>& members) {
  StyledLine line = {
      {absl::StrFormat("  %5d %-8s", members.size(), StateName(state)), StateTone(state)}};
  if (state != ActorState::kRunning) {
    line.push_back({absl::StrCat(" actor", members.size() == 1 ? " " : "s ", Indices(members), ":"),
                    StateTone(state)});
  }
  if (state == ActorState::kGone) return line;
  line.push_back({absl::StrCat(" steps/s ", SpreadText(Values(members, Steps), RateText),
                               "  blocked ", SpreadText(Values(members, Blocked), ShareText),
                               "  CPU ", SpreadText(Values(members, Cpu), CoresText))});
  return line;
}

Tone ShareTone(const Number& share) {
  return share.value_or(0.0) > 0.5 ? Tone::kWarning : Tone::kPlain;
}

// Name, state, CPU and memory: what every member has.
StyledLine Begin(const std::string& name, const std::string& state, Tone tone,
                 const MemberStatus& member) {
  return {{absl::StrFormat("%-10s ", name)},
          {absl::StrFormat("%-9s ", state), tone},
          {Right(CoresText(Cpu(member)), 5) + Right(MemoryText(Memory(member)), 8)}};
}

}  // namespace

const std::vector<std::string>& ActorSortFields() {
  static const auto& fields = *new std::vector<std::string>{
      "state", "index", "steps", "blocked", "idle", "cpu", "memory", "weights", "seen"};
  return fields;
}

std::vector<ActorRow> SortedActors(const RunStatus& status, absl::string_view field) {
  const Named named(status.verdict());
  std::vector<ActorRow> rows;
  for (const MemberStatus& member : status.members()) {
    if (member.role() == RUN_ROLE_ACTOR) rows.push_back({&member, named.StateOf(member)});
  }
  const auto by = [](const Key& key) {
    return [&key](const ActorRow& a, const ActorRow& b) { return key(a) < key(b); };
  };
  std::stable_sort(rows.begin(), rows.end(), by(Keys().find("index")->second));
  if (const auto at = Keys().find(field); at != Keys().end()) {
    std::stable_sort(rows.begin(), rows.end(), by(at->second));
  }
  return rows;
}

std::vector<StyledLine> ActorStateLines(const std::vector<ActorRow>& rows) {
  std::map<ActorState, std::vector<const MemberStatus*>> states;
  double rate = 0.0;
  for (const ActorRow& row : rows) {
    states[row.state].push_back(row.member);
    if (row.state != ActorState::kGone) rate += Steps(*row.member).value_or(0.0);
  }
  std::vector<StyledLine> lines = {
      {{absl::StrFormat("%d actors, %.0f steps/s", rows.size(), rate), Tone::kStrong},
       {"; least/median/most:", Tone::kFaint}}};
  for (const auto& [state, members] : states) lines.push_back(StateLine(state, members));
  return lines;
}

StyledLine MemberHeading() {
  return {
      {absl::StrFormat("%-10s %-9s %5s%8s%8s%5s%7s%6s%6s%5s%8s", "MEMBER", "STATE", "CPU", "MEMORY",
                       "STEPS/S", "ENV", "POLICY", "WRITE", "BLOCK", "IDLE", "WEIGHTS"),
       Tone::kFaint}};
}

StyledLine ActorLine(const ActorRow& row) {
  const MemberStatus& member = *row.member;
  const bool known = member.rates().has_time();
  const ActorTime& time = member.rates().time();
  const auto share = [known](double value) { return ShareText(Known(known, value)); };
  std::string state = StateName(row.state);
  if (row.state == ActorState::kSilent) {
    const double silent_s = member.last_report_s();
    state = silent_s < 9.5 ? absl::StrFormat("silent %.0fs", silent_s) : "silent";
  }
  const Tone tone = StateTone(row.state);
  StyledLine line = Begin(absl::StrCat("actor ", member.index()), state, tone, member);
  line.push_back({Right(RateText(Steps(member)), 8),
                  row.state == ActorState::kSlow ? Tone::kWarning : Tone::kPlain});
  line.push_back({Right(share(time.env()), 5) + Right(share(time.policy()), 7) +
                  Right(share(time.write()), 6)});
  line.push_back({Right(share(time.blocked()), 6), ShareTone(Blocked(member))});
  line.push_back({Right(share(time.idle()), 5), ShareTone(Idle(member))});
  line.push_back({Right(absl::StrCat("v", member.policy_version()), 8)});
  line.push_back({absl::StrCat("  ", member.process().host()), Tone::kFaint});
  return line;
}

StyledLine OtherMemberLine(const MemberStatus& member) {
  const bool is_replay = member.role() == RUN_ROLE_REPLAY;
  const bool silent = member.connected() && member.last_report_s() >= kSilent_s;
  const ActorState state = !member.connected() ? ActorState::kGone
                           : silent            ? ActorState::kSilent
                                               : ActorState::kRunning;
  StyledLine line = Begin(is_replay ? absl::StrCat("replay ", member.index()) : "evaluator",
                          StateName(state), StateTone(state), member);
  if (!is_replay) {
    line.push_back({absl::StrCat("  evaluated v", member.policy_version())});
    return line;
  }
  const TableStats& table = member.table();
  line.push_back({absl::StrFormat("  %d rows, %s; %d inserted, %d sampled, %d writers",
                                  table.size(), MemoryText(static_cast<double>(table.bytes())),
                                  table.inserted(), table.sampled(), table.writers())});
  if (table.rows_lost() > 0) {
    line.push_back({absl::StrCat(", ", table.rows_lost(), " ROWS LOST"), Tone::kBad});
  }
  return line;
}

}  // namespace pmoe
