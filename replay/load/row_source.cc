#include "replay/load/row_source.h"

#include <cmath>
#include <fstream>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/finite.h"
#include "common/base/status_macros.h"
#include "replay/load/npz_source.h"
#include "replay/load/table_source.h"

namespace pmoe {
namespace {

std::string Place(absl::string_view column, uint64_t row, size_t i, float value) {
  return absl::StrCat(column, "[", row, ", ", i, "] is ", value);
}

absl::Status CheckFinite(absl::string_view column, uint64_t row, absl::Span<const float> values) {
  if (AllFinite(values)) return absl::OkStatus();
  size_t i = 0;
  while (std::isfinite(values[i])) ++i;
  return absl::InvalidArgumentError(absl::StrCat(Place(column, row, i, values[i]),
                                                 " as a float; leave its episode out of the file"));
}

absl::Status NotRows(const std::string& path) {
  return absl::InvalidArgumentError(absl::StrCat(
      path,
      " is neither a saved table (NAME.table) nor a NumPy archive (.npz); make one with "
      "pmoe-replay checkpoint or numpy.savez"));
}

}  // namespace

absl::StatusOr<ActionRange> ActionRange::Parse(const std::string& text) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits(',', 1));
  ActionRange range;
  if (absl::SimpleAtod(parts.first, &range.low) && absl::SimpleAtod(parts.second, &range.high) &&
      std::isfinite(range.low) && std::isfinite(range.high) && range.low < range.high) {
    return range;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "--actions must be LOW,HIGH, two numbers, the first one less, got ", text, "; e.g. -3,3"));
}

absl::Status CheckRow(const SourceRow& row) {
  const Transition& step = row.transition;
  PMOE_RETURN_IF_ERROR(CheckFinite("observations", row.index, step.obs));
  PMOE_RETURN_IF_ERROR(CheckFinite("next_observations", row.index, step.next_obs));
  PMOE_RETURN_IF_ERROR(CheckFinite("actions", row.index, step.action));
  PMOE_RETURN_IF_ERROR(CheckFinite("rewards", row.index, {&step.reward, 1}));
  PMOE_RETURN_IF_ERROR(CheckFinite("extra", row.index, step.extra));
  for (size_t i = 0; i < step.action.size(); ++i) {
    if (std::abs(step.action[i]) <= 1.0f) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        Place("actions", row.index, i, step.action[i]),
        ", outside [-1, 1], in which a table has them; give the range of an archive's as --actions "
        "LOW,HIGH"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<RowSource>> OpenRows(const std::string& path,
                                                    const ActionRange& actions) {
  std::ifstream file(path, std::ios::binary);
  char head[4] = {};
  if (!file.is_open()) return absl::NotFoundError(absl::StrCat("cannot open ", path));
  file.read(head, sizeof(head));
  const absl::string_view begins(head, sizeof(head));
  absl::StatusOr<std::unique_ptr<RowSource>> source = NotRows(path);
  if (begins == "PMOE") {
    source = TableSource::Open(path);
  } else if (begins.substr(0, 2) == "PK") {
    source = NpzSource::Open(path, actions);
    if (!source.ok()) {
      return absl::Status(source.status().code(),
                          absl::StrCat(path, ": ", source.status().message()));
    }
  }
  return source;
}

}  // namespace pmoe
