#include "common/config/seed_list.h"

#include <set>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

constexpr char kExample[] = "like --seeds 1..5 or --seeds 1,3,7";

absl::Status Wrong(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("--seeds ", what));
}

absl::StatusOr<uint64_t> ParseSeed(absl::string_view word) {
  uint64_t seed = 0;
  // SimpleAtoi takes a sign and spaces.
  const bool digits = !word.empty() && word.find_first_not_of("0123456789") == word.npos;
  if (digits && absl::SimpleAtoi(word, &seed)) return seed;
  return Wrong(absl::StrCat("needs whole numbers from 0 to ", UINT64_MAX, ", ", kExample,
                            ", got \"", word, "\""));
}

// Of one item between commas: a seed, or first..last.
absl::Status AddItem(absl::string_view item, std::vector<uint64_t>* seeds) {
  const std::vector<absl::string_view> ends = absl::StrSplit(item, absl::MaxSplits("..", 1));
  PMOE_ASSIGN_OR_RETURN(const uint64_t first, ParseSeed(ends.front()));
  PMOE_ASSIGN_OR_RETURN(const uint64_t last, ParseSeed(ends.back()));
  if (last < first) {
    return Wrong(absl::StrCat("has the range ", item, ", which is empty; write the smaller seed ",
                              "first: ", last, "..", first));
  }
  if (last - first >= kSeedsMax - seeds->size()) {
    return Wrong(absl::StrCat("takes at most ", kSeedsMax, " seeds; train them in several runs, ",
                              "or by `pmoe sweep`"));
  }
  for (uint64_t next = 0; next <= last - first; ++next) seeds->push_back(first + next);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<uint64_t>> ParseSeeds(absl::string_view text) {
  std::vector<uint64_t> seeds;
  for (const absl::string_view item : absl::StrSplit(text, ',')) {
    PMOE_RETURN_IF_ERROR(AddItem(absl::StripAsciiWhitespace(item), &seeds));
  }
  std::set<uint64_t> seen;
  for (const uint64_t seed : seeds) {
    if (!seen.insert(seed).second) {
      return Wrong(absl::StrCat("names the seed ", seed,
                                " twice; both runs would be the same: ", "leave one away"));
    }
  }
  return seeds;
}

}  // namespace pmoe
