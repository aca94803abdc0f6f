#include "common/base/usage_text.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace pmoe {
namespace {

using Halves = std::pair<absl::string_view, absl::string_view>;

// What stands before `word` and behind it; two empty ones where it is not there.
Halves Around(absl::string_view text, absl::string_view word) {
  const size_t at = text.find(word);
  if (at == text.npos) return {};
  return {text.substr(0, at), text.substr(at + word.size())};
}

// Of "FLAG: WHAT", in CLI11 2.3's words, which usage_text_test and first_steps_test hold it to.
std::string OfFlag(absl::string_view flag, absl::string_view what) {
  if (absl::ConsumePrefix(&what, "1 required ") && absl::ConsumeSuffix(&what, " missing")) {
    return absl::StrCat(flag, " needs a value: ", flag, " ", what);
  }
  if (absl::ConsumePrefix(&what, "At Most 1 required but received ")) {
    return absl::StrCat(flag, " is given ", what, " times; give it once");
  }
  if (const auto [value, range] = Around(what, " not in range "); !range.empty()) {
    return absl::StrCat(flag, " must be from ", range, ", got ",
                        absl::StripPrefix(value, "Value "));
  }
  if (auto [value, choices] = Around(what, " not in {"); absl::ConsumeSuffix(&choices, "}")) {
    return absl::StrCat(flag, " must be ", absl::StrReplaceAll(choices, {{",", " or "}}), ", got ",
                        value);
  }
  return "";
}

}  // namespace

std::string UsageText(absl::string_view said) {
  absl::string_view text = said;
  if (absl::ConsumePrefix(&text, "Could not convert: ")) {
    const auto [flag, value] = Around(text, " = ");
    if (!flag.empty()) return absl::StrCat(flag, " must be a number, got ", value);
  }
  if (const auto [flag, what] = Around(said, ": "); !what.empty()) {
    std::string ours = OfFlag(flag, what);
    return ours.empty() ? std::string(said) : ours;
  }
  const std::vector<absl::string_view> words = absl::StrSplit(said, ' ');
  if (words.size() == 3 && words[1] == "excludes") {
    return absl::StrCat(words[0], " and ", words[2], " cannot go together; leave one away");
  }
  if (words.size() == 3 && words[1] == "requires") {
    return absl::StrCat(words[0], " is of use only with ", words[2], "; add it");
  }
  if (absl::ConsumeSuffix(&said, " is required")) return absl::StrCat(said, " is missing");
  return std::string(said);
}

}  // namespace pmoe
