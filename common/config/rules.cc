#include "common/config/rules.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
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

std::string DidYouMean(absl::string_view name) {
  return absl::StrCat("; did you mean ", name, "?");
}

absl::Status OutOfRange(const SchemaField& field, absl::string_view wanted, double value) {
  std::string text = absl::StrCat(field.path, " must be ", wanted, ", got ", NumberText(value));
  if (field.rule->has_usual()) absl::StrAppend(&text, "; ", field.rule->usual());
  return absl::InvalidArgumentError(text);
}

// What other programs call it.
struct Elsewhere {
  absl::string_view theirs;
  absl::string_view ours;
};
constexpr Elsewhere kElsewhere[] = {{"sync", "lockstep"},      {"synchronous", "lockstep"},
                                    {"asynchronous", "async"}, {"gpu", "cuda"},
                                    {"per", "prioritized"},    {"random", "uniform"}};

std::string Meant(const std::vector<std::string>& choices, absl::string_view value) {
  const auto known = [&](absl::string_view name) {
    return std::find(choices.begin(), choices.end(), name) != choices.end();
  };
  const std::string lower = absl::AsciiStrToLower(value);
  for (const Elsewhere& word : kElsewhere) {
    if (word.theirs == lower && known(word.ours)) return DidYouMean(word.ours);
  }
  // As PyTorch names a device of several.
  if (absl::StartsWith(lower, "cuda:") && known("cuda")) {
    return absl::StrCat("; cuda is the first GPU that the process sees: CUDA_VISIBLE_DEVICES=",
                        lower.substr(5), " chooses it");
  }
  const std::vector<std::string> near = NearNames(value, choices);
  return near.empty() ? "" : DidYouMean(near.front());
}

}  // namespace

absl::Status NotAChoice(absl::string_view path, const std::vector<std::string>& choices,
                        absl::string_view value) {
  std::string text =
      absl::StrCat(path, " must be ", absl::StrJoin(choices, " or "), ", got \"", value, "\"");
  absl::StrAppend(&text, Meant(choices, value));
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
