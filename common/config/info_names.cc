#include "common/config/info_names.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace pmoe {
namespace {

constexpr size_t kNameMax = 64;

bool IsName(absl::string_view name) {
  return !name.empty() && name.size() <= kNameMax &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' ||
                  c == '.' || c == '/';
         });
}

}  // namespace

absl::StatusOr<std::vector<std::string>> InfoNames(const std::string& list) {
  std::vector<std::string> names;
  if (list.empty()) return names;
  for (const absl::string_view part : absl::StrSplit(list, ',')) {
    const std::string name(absl::StripAsciiWhitespace(part));
    if (!IsName(name)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "observe.info must be names of letters, digits, _ - . and /, separated by commas, such "
          "as distance,energy; got \"",
          list, "\""));
    }
    if (name == "success") continue;  // has its columns
    if (std::find(names.begin(), names.end(), name) != names.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("observe.info names ", name, " twice: ", list));
    }
    names.push_back(name);
  }
  return names;
}

}  // namespace pmoe
