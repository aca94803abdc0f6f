// Any bytes, in any cut, as a run's metrics.csv: the decoder and the bounded history must hold
// their limits.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "common/base/check.h"
#include "common/metrics/csv_reader.h"
#include "dashboard/history.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t piece = 1 + data[0];
  absl::string_view rest(reinterpret_cast<const char*>(data + 1), size - 1);
  pmoe::CsvReader decoder;
  std::optional<pmoe::History> history;
  while (!rest.empty()) {
    decoder.Feed(rest.substr(0, piece), [&](absl::Span<const double> row) {
      PMOE_CHECK(row.size() == decoder.columns().size());
      if (!history.has_value()) history.emplace(decoder.columns());
      for (int i = 0; i < 300; ++i) history->Add(row);  // reaches the merges
      PMOE_CHECK(history->points() <= pmoe::History::kPointsMax);
    });
    rest.remove_prefix(std::min(piece, rest.size()));
  }
  PMOE_CHECK(decoder.columns().size() <= pmoe::CsvReader::kColumnsMax);
  if (!history.has_value()) return 0;
  for (size_t point = 0; point < history->points(); ++point) {
    for (size_t column = 0; column < history->columns().size(); ++column) {
      (void)history->at(point, column);
    }
  }
  return 0;
}
