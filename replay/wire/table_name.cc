#include "replay/wire/table_name.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/printable_text.h"

namespace pmoe {
namespace {

constexpr size_t kNameMax = 32;

}  // namespace

absl::Status CheckTableName(absl::string_view field, absl::string_view name) {
  const auto fits = [](unsigned char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-';
  };
  if (name.size() <= kNameMax && std::all_of(name.begin(), name.end(), fits)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(field, " must be 1 to ", kNameMax,
                   " characters of a-z, 0-9 and -, or empty for the run's own table, got \"",
                   PrintableText(name, kNameMax), "\" of ", name.size(), " bytes"));
}

std::string NamedTableFolder(const std::string& dir, absl::string_view name) {
  return absl::StrCat(dir, "/tables/", name);
}

}  // namespace pmoe
