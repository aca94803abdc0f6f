#include "common/base/usage_text.h"

#include <regex>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace pmoe {
namespace {

// $1 and so on as in ECMAScript. Debian 12 has CLI11 2.3; usage_text_test holds these to it.
struct Wording {
  const char* said;
  const char* ours;
};

constexpr Wording kWordings[] = {
    {R"((\S+): 1 required (.+) missing)", "$1 needs a value: $1 $2"},
    {R"((\S+): At Most 1 required but received (\d+))", "$1 is given $2 times; give it once"},
    {R"((\S+): Value (.*) not in range (\S+) (?:to|-) (\S+))", "$1 must be from $3 to $4, got $2"},
    {R"((\S+) excludes (\S+))", "$1 and $2 cannot go together; leave one away"},
    {R"((\S+) requires (\S+))", "$1 is of use only with $2; add it"},
    {R"((\S+) is required)", "$1 is missing"},
    {R"(Could not convert: (\S+) = (.*))", "$1 must be a number, got $2"},
};

const std::regex& Choice() {
  static const std::regex* const kChoice = new std::regex(R"((\S+): (.*) not in \{(.*)\})");
  return *kChoice;
}

}  // namespace

std::string UsageText(absl::string_view text) {
  const std::string said(text);
  std::smatch match;
  if (std::regex_match(said, match, Choice())) {
    return absl::StrCat(match[1].str(), " must be ",
                        absl::StrReplaceAll(match[3].str(), {{",", " or "}}), ", got ",
                        match[2].str());
  }
  for (const Wording& wording : kWordings) {
    const std::regex pattern(wording.said);
    if (std::regex_match(said, pattern)) return std::regex_replace(said, pattern, wording.ours);
  }
  return said;
}

}  // namespace pmoe
