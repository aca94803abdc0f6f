#include "dashboard/json.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/base/number_text.h"
#include "nlohmann/json.hpp"

namespace pmoe {
namespace {

constexpr double kFloatMax = 3e38;

bool HasValue(const History& history, size_t from, size_t column) {
  for (size_t point = from; point < history.points(); ++point) {
    if (!std::isnan(history.at(point, column))) return true;
  }
  return false;
}

void AppendColumn(const History& history, size_t from, size_t column, std::string* out) {
  absl::StrAppend(out, "\"", history.columns()[column], "\":[");
  for (size_t point = from; point < history.points(); ++point) {
    if (point > from) out->push_back(',');
    AppendJsonNumber(history.at(point, column), /*exact=*/false, out);
  }
  out->push_back(']');
}

}  // namespace

std::string JsonLine(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', /*ensure_ascii=*/false,
                   nlohmann::ordered_json::error_handler_t::replace);
}

std::string JsonText(absl::string_view text) { return JsonLine(std::string(text)); }

void AppendJsonNumber(double value, bool exact, std::string* out) {
  if (!std::isfinite(value)) {
    out->append("null");
  } else if (exact || std::trunc(value) == value || std::abs(value) > kFloatMax) {
    out->append(NumberText(value));
  } else {
    out->append(NumberText(static_cast<float>(value)));
  }
}

std::string HistoryJson(const History& history, size_t from) {
  std::string text = absl::StrCat("{\"from\":", from, ",\"columns\":{");
  bool first = true;
  for (size_t column = 0; column < history.columns().size(); ++column) {
    if (!HasValue(history, from, column)) continue;
    if (!first) text.push_back(',');
    first = false;
    AppendColumn(history, from, column, &text);
  }
  text.append("},\"latest\":{");
  first = true;
  for (size_t column = 0; column < history.columns().size(); ++column) {
    if (std::isnan(history.latest(column))) continue;
    absl::StrAppend(&text, first ? "" : ",", "\"", history.columns()[column], "\":");
    first = false;
    AppendJsonNumber(history.latest(column), /*exact=*/true, &text);
  }
  return text + "}}";
}

std::string RunsJson(const std::vector<RunEntry>& runs, absl::string_view own) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const RunEntry& run : runs) {
    const RunFacts& facts = run.facts;
    nlohmann::ordered_json target;
    if (facts.target_return.has_value()) target = *facts.target_return;
    nlohmann::ordered_json changed_ago_s;
    if (run.changed_ago_s.has_value()) changed_ago_s = *run.changed_ago_s;
    list.push_back({{"id", run.id},
                    {"env", facts.env},
                    {"algorithm", facts.algorithm},
                    {"preset", facts.preset},
                    {"mode", facts.mode},
                    {"group", facts.group},
                    {"seed", facts.seed},
                    {"primitives", facts.primitives},
                    {"total_steps", facts.total_steps},
                    {"replay_capacity", facts.replay_capacity},
                    {"batch_size", facts.batch_size},
                    {"price_per_hour", facts.price_per_hour},
                    {"target_return", std::move(target)},
                    {"commit", facts.commit},
                    {"started", facts.started},
                    {"host", facts.host},
                    {"held", run.held},
                    {"changed_ago_s", std::move(changed_ago_s)}});
  }
  return JsonLine({{"own", std::string(own)}, {"runs", std::move(list)}});
}

}  // namespace pmoe
