// metrics.csv as it grows, from bytes in any cut to rows of numbers. Takes any input: what is no
// row of the header's columns is left out. Thread-compatible.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace pmoe {

class CsvReader {
 public:
  static constexpr size_t kColumnsMax = 512;
  static constexpr size_t kLineMax = 1 << 16;  // bytes

  // A row's cells in the header's order; NaN where the cell is empty or no finite number.
  using RowHandler = std::function<void(absl::Span<const double>)>;
  // Calls `on_row` for every line that `bytes` completes.
  void Feed(absl::string_view bytes, const RowHandler& on_row);

  // Empty until the header is there, and for good if it is not one of ours (see refused()).
  const std::vector<std::string>& columns() const { return columns_; }
  // The first line was no header of a metrics.csv: its first column is not env_steps, a name is
  // not made of a-z 0-9 _, or there are too many.
  bool refused() const { return refused_; }

 private:
  void OnLine(absl::string_view line, const RowHandler& on_row);
  void OnHeader(absl::string_view line);

  std::string pending_;    // a line's beginning
  bool overlong_ = false;  // the line is too long: its rest is dropped
  bool refused_ = false;
  std::vector<std::string> columns_;
  std::vector<double> row_;
};

}  // namespace pmoe
