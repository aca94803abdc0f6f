#include "common/metrics/csv_reader.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace pmoe {
namespace {

constexpr size_t kNameMax = 64;
constexpr double kNoNumber = std::numeric_limits<double>::quiet_NaN();

bool IsName(absl::string_view text) {
  return !text.empty() && text.size() <= kNameMax &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '_';
         });
}

}  // namespace

void CsvReader::Feed(absl::string_view bytes, const RowHandler& on_row) {
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    const absl::string_view piece = bytes.substr(0, end);
    if (pending_.size() + piece.size() > kLineMax) {
      overlong_ = true;
      pending_.clear();
    }
    if (!overlong_) pending_.append(piece.data(), piece.size());
    if (end == absl::string_view::npos) return;
    bytes.remove_prefix(end + 1);
    OnLine(pending_, on_row);
    pending_.clear();
    overlong_ = false;
  }
}

void CsvReader::OnLine(absl::string_view line, const RowHandler& on_row) {
  if (refused_) return;
  if (columns_.empty()) {
    OnHeader(overlong_ ? "" : line);
    return;
  }
  row_.clear();
  // Not StrSplit into a vector: a line of commas would make one much larger than the header.
  for (const absl::string_view cell : absl::StrSplit(line, ',')) {
    if (row_.size() == columns_.size()) {
      row_.clear();
      break;
    }
    double value = kNoNumber;
    if (!absl::SimpleAtod(cell, &value) || !std::isfinite(value)) value = kNoNumber;
    row_.push_back(value);
  }
  // Without env steps it has no place in a curve.
  if (overlong_ || row_.size() != columns_.size() || std::isnan(row_[0])) return;
  on_row(row_);
}

void CsvReader::OnHeader(absl::string_view line) {
  std::vector<std::string> names;
  for (const absl::string_view name : absl::StrSplit(line, ',')) {
    if (!IsName(name) || names.size() == kColumnsMax) {
      refused_ = true;
      return;
    }
    names.emplace_back(name);
  }
  refused_ = names[0] != "env_steps";
  if (!refused_) columns_ = std::move(names);
}

}  // namespace pmoe
