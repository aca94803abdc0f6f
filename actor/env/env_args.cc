#include "actor/env/env_args.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/near_names.h"

namespace pmoe {
namespace {

bool ParseNumber(absl::string_view text, double* value) {
  return absl::SimpleAtod(absl::StripAsciiWhitespace(text), value) && !std::isnan(*value);
}

bool ParseInterval(absl::string_view text, Range* range) {
  text = absl::StripAsciiWhitespace(text);
  if (text.size() >= 2 && ((text.front() == '(' && text.back() == ')') ||
                           (text.front() == '[' && text.back() == ']'))) {
    text = text.substr(1, text.size() - 2);
  }
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ',');
  return parts.size() == 2 && ParseNumber(parts[0], &range->low) &&
         ParseNumber(parts[1], &range->high) && range->low <= range->high;
}

}  // namespace

int EnvRequest::version() const {
  const size_t dash = id.rfind("-v");
  int version = 0;
  return dash != std::string::npos && absl::SimpleAtoi(id.substr(dash + 2), &version) ? version : 0;
}

const std::string* EnvArgs::Find(absl::string_view name) {
  known_.emplace_back(name);
  const auto it = args_.find(known_.back());
  return it == args_.end() ? nullptr : &it->second;
}

void EnvArgs::Fail(absl::string_view name, absl::string_view wanted, absl::string_view got) {
  status_.Update(absl::InvalidArgumentError(
      absl::StrCat(id_, ": parameter ", name, " must be ", wanted, ", got \"", got, "\"")));
}

void EnvArgs::Float(absl::string_view name, double* value) {
  const std::string* text = Find(name);
  if (text == nullptr) return;
  double parsed;
  if (!ParseNumber(*text, &parsed) || std::isinf(parsed)) {
    return Fail(name, "a finite number", *text);
  }
  *value = parsed;
}

void EnvArgs::NonNegative(absl::string_view name, double* value) {
  const std::string* text = Find(name);
  if (text == nullptr) return;
  double parsed;
  // 2 * value is the width of the reset noise, which has to be finite too.
  if (!ParseNumber(*text, &parsed) || parsed < 0 || std::isinf(2 * parsed)) {
    return Fail(name, "a finite number >= 0", *text);
  }
  *value = parsed;
}

void EnvArgs::Positive(absl::string_view name, double* value) {
  const std::string* text = Find(name);
  if (text == nullptr) return;
  double parsed;
  if (!ParseNumber(*text, &parsed) || !(parsed > 0) || std::isinf(parsed)) {
    return Fail(name, "a finite number > 0", *text);
  }
  *value = parsed;
}

void EnvArgs::Int(absl::string_view name, int low, int high, int* value) {
  const std::string* text = Find(name);
  if (text == nullptr) return;
  int parsed;
  if (!absl::SimpleAtoi(*text, &parsed) || parsed < low || parsed > high) {
    return Fail(name, absl::StrCat("a whole number in [", low, ", ", high, "]"), *text);
  }
  *value = parsed;
}

void EnvArgs::Bool(absl::string_view name, bool* value) {
  const std::string* text = Find(name);
  if (text == nullptr) return;
  const std::string lower = absl::AsciiStrToLower(*text);
  if (lower != "true" && lower != "false" && lower != "1" && lower != "0") {
    return Fail(name, "true or false", *text);
  }
  *value = lower == "true" || lower == "1";
}

void EnvArgs::Interval(absl::string_view name, Range* value) {
  const std::string* text = Find(name);
  if (text == nullptr) return;
  Range parsed;
  if (!ParseInterval(*text, &parsed)) return Fail(name, "\"low,high\" with low <= high", *text);
  *value = parsed;
}

void EnvArgs::String(absl::string_view name, std::string* value) {
  const std::string* text = Find(name);
  if (text == nullptr) return;
  if (text->empty()) return Fail(name, "not empty", *text);
  *value = *text;
}

void EnvArgs::Choice(absl::string_view name, const std::vector<std::string>& choices,
                     std::string* value) {
  const std::string* text = Find(name);
  if (text == nullptr) return;
  if (std::find(choices.begin(), choices.end(), *text) == choices.end()) {
    return Fail(name, absl::StrJoin(choices, " or "), *text);
  }
  *value = *text;
}

absl::Status EnvArgs::Finish() const {
  for (const auto& [name, value] : args_) {
    if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
    const std::vector<std::string> near = NearNames(name, known_);
    return absl::InvalidArgumentError(absl::StrCat(
        id_, " has no parameter \"", name, "\" (given as ", name, "=", value, "); ",
        near.empty() ? "" : absl::StrCat("did you mean ", absl::StrJoin(near, " or "), "? "),
        "Valid: ", absl::StrJoin(known_, ", ")));
  }
  return status_;
}

}  // namespace pmoe
