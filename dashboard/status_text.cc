#include "dashboard/status_text.h"

#include <limits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "control/wire/status_json.h"
#include "dashboard/json.h"

namespace pmoe {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

struct Column {
  const char* name;
  double (*of)(const MemberStatus& actor);
};

double OfTime(const MemberStatus& actor, double (ActorTime::*share)() const) {
  return actor.rates().has_time() ? (actor.rates().time().*share)() : kUnknown;
}
double OfAck(const MemberStatus& actor, double (LatencyMessage::*quantile)() const) {
  const LatencyMessage& ack = actor.rates().insert_ack();
  return ack.count() > 0 ? (ack.*quantile)() : kUnknown;
}
double OfUsage(const MemberStatus& actor, double value) {
  return actor.has_usage() ? value : kUnknown;
}

const std::vector<Column>& Columns() {
  using M = const MemberStatus&;
  static const auto* const columns = new std::vector<Column>{
      {"index", [](M m) { return 1.0 * m.index(); }},
      {"epoch", [](M m) { return 1.0 * m.epoch(); }},
      {"connected", [](M m) { return m.connected() ? 1.0 : 0.0; }},
      {"last_report_s", [](M m) { return m.last_report_s(); }},
      {"policy_version", [](M m) { return static_cast<double>(m.policy_version()); }},
      {"env_steps_per_s",
       [](M m) { return m.has_rates() ? m.rates().env_steps_per_s() : kUnknown; }},
      {"env", [](M m) { return OfTime(m, &ActorTime::env); }},
      {"policy", [](M m) { return OfTime(m, &ActorTime::policy); }},
      {"write", [](M m) { return OfTime(m, &ActorTime::write); }},
      {"blocked", [](M m) { return OfTime(m, &ActorTime::blocked); }},
      {"idle", [](M m) { return OfTime(m, &ActorTime::idle); }},
      {"ack_p50_s", [](M m) { return OfAck(m, &LatencyMessage::p50_s); }},
      {"ack_p90_s", [](M m) { return OfAck(m, &LatencyMessage::p90_s); }},
      {"ack_p99_s", [](M m) { return OfAck(m, &LatencyMessage::p99_s); }},
      {"ack_max_s", [](M m) { return OfAck(m, &LatencyMessage::max_s); }},
      {"cpu_cores", [](M m) { return OfUsage(m, m.usage().cpu_cores()); }},
      {"memory_bytes",
       [](M m) { return OfUsage(m, static_cast<double>(m.usage().memory_bytes())); }},
      {"reconnects", [](M m) { return static_cast<double>(m.rates().reconnects()); }},
  };
  return *columns;
}

std::string ActorsJson(const RunStatus& status) {
  std::string text = absl::StrCat(R"({"columns":[)",
                                  absl::StrJoin(Columns(), ",",
                                                [](std::string* out, const Column& column) {
                                                  absl::StrAppend(out, "\"", column.name, "\"");
                                                }),
                                  R"(],"rows":[)");
  bool first = true;
  for (const MemberStatus& member : status.members()) {
    if (member.role() != RUN_ROLE_ACTOR) continue;
    text.append(first ? "[" : ",[");
    first = false;
    for (const Column& column : Columns()) {
      if (&column != &Columns().front()) text.push_back(',');
      AppendJsonNumber(column.of(member), /*exact=*/false, &text);
    }
    text.push_back(']');
  }
  return text + "]}";
}

}  // namespace

std::string PageStatusJson(const RunStatus& status) {
  RunStatus rest = status;
  rest.clear_members();
  for (const MemberStatus& member : status.members()) {
    if (member.role() != RUN_ROLE_ACTOR) *rest.add_members() = member;
  }
  std::string text = StatusJson(rest);
  text.pop_back();  // its closing brace
  return absl::StrCat(text, R"(,"actors":)", ActorsJson(status), "}");
}

}  // namespace pmoe
