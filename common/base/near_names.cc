#include "common/base/near_names.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace pmoe {
namespace {

constexpr size_t kSuggestionsMax = 3;
// Longer names are no typing mistakes, and the distance costs their product.
constexpr size_t kNameMax = 256;
constexpr size_t kLast = size_t{1} << 32;

// Levenshtein: insertions, deletions and replacements, one row of the table at a time.
size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

// "actor_lr" has the word "lr", and "batch_size" has "batch" and "batch_size".
bool HasWords(absl::string_view name, absl::string_view words) {
  if (words.size() < 2) return false;
  for (size_t at = name.find(words); at != name.npos; at = name.find(words, at + 1)) {
    const size_t end = at + words.size();
    const bool begins = at == 0 || !absl::ascii_isalnum(name[at - 1]);
    if (begins && (end == name.size() || !absl::ascii_isalnum(name[end]))) return true;
  }
  return false;
}

}  // namespace

std::vector<std::string> NearNames(absl::string_view given, absl::Span<const std::string> known) {
  const std::string wanted = absl::AsciiStrToLower(given.substr(0, kNameMax));
  const size_t distance_max = std::max<size_t>(2, wanted.size() / 3);
  std::vector<std::pair<size_t, std::string>> near;
  for (const std::string& name : known) {
    const std::string lower = absl::AsciiStrToLower(name);
    const size_t distance = EditDistance(wanted, lower);
    const bool is_word = HasWords(lower, wanted);
    const bool contained = wanted.size() >= 3 && absl::StrContains(lower, wanted);
    // Distances are below kLast.
    const size_t rank = distance == 0 || is_word ? 0 : contained ? kLast : 2 * kLast;
    if (distance <= distance_max || is_word || contained) near.emplace_back(rank + distance, name);
  }
  std::stable_sort(near.begin(), near.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> names;
  for (size_t i = 0; i < std::min(near.size(), kSuggestionsMax); ++i) {
    names.push_back(std::move(near[i].second));
  }
  return names;
}

}  // namespace pmoe
