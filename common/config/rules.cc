#include "common/config/rules.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/near_names.h"
#include "common/base/number_text.h"

namespace pmoe {
namespace {

std::string LowerBound(const Rule& rule) {
  return absl::StrCat(rule.above() ? "> " : ">= ", NumberText(rule.min()));
}

std::string UpperBound(const Rule& rule) { return absl::StrCat("<= ", NumberText(rule.max())); }

absl::Status OutOfRange(const SchemaField& field, absl::string_view wanted, double value) {
  std::string text = absl::StrCat(field.path, " must be ", wanted, ", got ", NumberText(value));
  if (field.rule->has_usual()) absl::StrAppend(&text, "; ", field.rule->usual());
  return absl::InvalidArgumentError(text);
}

}  // namespace

absl::Status NotAChoice(absl::string_view path, const std::vector<std::string>& choices,
                        absl::string_view value) {
  std::string text =
      absl::StrCat(path, " must be ", absl::StrJoin(choices, " or "), ", got \"", value, "\"");
  const std::vector<std::string> near = NearNames(value, choices);
  if (!near.empty()) absl::StrAppend(&text, "; did you mean ", near.front(), "?");
  return absl::InvalidArgumentError(text);
}

absl::Status CheckChoice(const SchemaField& field, absl::string_view value) {
  const std::vector<std::string>& choices = field.choices;
  if (choices.empty() || std::find(choices.begin(), choices.end(), value) != choices.end()) {
    return absl::OkStatus();
  }
  return NotAChoice(field.path, choices, value);
}

absl::Status CheckRange(const SchemaField& field, double value) {
  const Rule& rule = *field.rule;
  if (!std::isfinite(value)) return OutOfRange(field, "a finite number", value);
  const bool low = rule.has_min() && (rule.above() ? value <= rule.min() : value < rule.min());
  if (low) return OutOfRange(field, LowerBound(rule), value);
  if (rule.has_max() && value > rule.max()) return OutOfRange(field, UpperBound(rule), value);
  return absl::OkStatus();
}

std::string RangeText(const SchemaField& field) {
  if (!field.choices.empty()) return absl::StrJoin(field.choices, " | ");
  const Rule& rule = *field.rule;
  std::vector<std::string> bounds;
  if (rule.has_min()) bounds.push_back(LowerBound(rule));
  if (rule.has_max()) bounds.push_back(UpperBound(rule));
  return absl::StrJoin(bounds, " and ");
}

}  // namespace pmoe
