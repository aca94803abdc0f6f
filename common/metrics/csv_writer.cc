#include "common/metrics/csv_writer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/check.h"
#include "common/base/file.h"
#include "common/base/number_text.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

constexpr char kStepColumn[] = "env_steps";

std::string Header(const std::vector<std::string>& columns) {
  return absl::StrCat(absl::StrJoin(columns, ","), "\n");
}

// Where each of `columns` is among those of `header`; -1: it is not.
absl::StatusOr<std::vector<int>> Places(const std::string& path, absl::string_view header,
                                        const std::vector<std::string>& columns) {
  const std::vector<std::string> there = absl::StrSplit(header, ',');
  std::vector<int> places;
  size_t found = 0;
  for (const std::string& column : columns) {
    const auto at = std::find(there.begin(), there.end(), column);
    places.push_back(at == there.end() ? -1 : static_cast<int>(at - there.begin()));
    if (at != there.end()) ++found;
  }
  if (found == there.size()) return places;
  return absl::FailedPreconditionError(absl::StrCat(
      path, " has other columns than this version of pmoe writes; move it away to resume"));
}

// The same rows with all of `columns`; cells that were not written are empty.
absl::StatusOr<std::string> WithColumns(const std::string& path, absl::string_view text,
                                        const std::vector<std::string>& columns) {
  std::vector<absl::string_view> lines = absl::StrSplit(text, '\n');
  if (absl::StartsWith(text, Header(columns))) return std::string(text);
  PMOE_ASSIGN_OR_RETURN(const std::vector<int> places, Places(path, lines.front(), columns));
  std::string wide = Header(columns);
  for (size_t i = 1; i + 1 < lines.size(); ++i) {  // behind the last newline is no row
    const std::vector<absl::string_view> cells = absl::StrSplit(lines[i], ',');
    std::vector<absl::string_view> row;
    for (const int place : places) {
      const bool written = place >= 0 && place < static_cast<int>(cells.size());
      row.push_back(written ? cells[static_cast<size_t>(place)] : absl::string_view());
    }
    absl::StrAppend(&wide, absl::StrJoin(row, ","), "\n");
  }
  return wide;
}

// The header and the rows up to last_env_steps.
std::string RowsUpTo(absl::string_view text, const std::string& header, int64_t last_env_steps) {
  absl::string_view rest = text;
  PMOE_CHECK(absl::ConsumePrefix(&rest, header));
  size_t kept = header.size();
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    double steps = 0;
    // No newline, no number: torn by a crash, and so is all behind it.
    if (end == absl::string_view::npos) break;
    if (!absl::SimpleAtod(rest.substr(0, std::min(rest.find(','), end)), &steps)) break;
    if (steps > static_cast<double>(last_env_steps)) break;
    kept += end + 1;
    rest.remove_prefix(end + 1);
  }
  return std::string(text.substr(0, kept));
}

}  // namespace

absl::StatusOr<CsvWriter> CsvWriter::Create(const std::string& path,
                                            const std::vector<std::string>& columns) {
  PMOE_CHECK(!columns.empty() && columns.front() == kStepColumn);
  PMOE_ASSIGN_OR_RETURN(AppendFile file, AppendFile::Create(path));
  PMOE_RETURN_IF_ERROR(file.Append(Header(columns)));
  return CsvWriter(std::move(file), columns);
}

absl::StatusOr<CsvWriter> CsvWriter::Resume(const std::string& path,
                                            const std::vector<std::string>& columns,
                                            int64_t last_env_steps) {
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (absl::IsNotFound(text.status())) return Create(path, columns);
  PMOE_RETURN_IF_ERROR(text.status());
  PMOE_ASSIGN_OR_RETURN(const std::string wide, WithColumns(path, *text, columns));
  const std::string kept = RowsUpTo(wide, Header(columns), last_env_steps);
  if (kept != *text) PMOE_RETURN_IF_ERROR(WriteFileAtomic(path, kept));
  PMOE_ASSIGN_OR_RETURN(AppendFile file, AppendFile::Open(path));
  return CsvWriter(std::move(file), columns);
}

absl::Status CsvWriter::Write(const MetricRow& row) {
  std::vector<std::string> cells;
  size_t used = 0;
  for (const std::string& column : columns_) {
    const auto found = row.find(column);
    if (found != row.end()) ++used;
    cells.push_back(found == row.end() ? "" : NumberText(found->second));
  }
  if (used == row.size()) return file_.Append(absl::StrCat(absl::StrJoin(cells, ","), "\n"));
  for (const auto& [name, value] : row) {
    if (std::find(columns_.begin(), columns_.end(), name) != columns_.end()) continue;
    return absl::InvalidArgumentError(absl::StrCat(file_.path(), " has no column ", name));
  }
  return absl::OkStatus();
}

}  // namespace pmoe
