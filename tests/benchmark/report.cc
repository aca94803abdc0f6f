#include "tests/benchmark/report.h"

#include <cmath>
#include <cstdio>

#include "common/base/check.h"

namespace pmoe {
namespace {

constexpr int kLabelWidth = 36;
constexpr int kColumnWidthMin = 10;

int Width(const std::string& column) {
  return std::max(kColumnWidthMin, static_cast<int>(column.size())) + 2;
}

std::string Short(double value) {
  if (std::isnan(value)) return "-";
  char text[32];
  std::snprintf(text, sizeof(text), std::fabs(value) >= 100.0 ? "%.0f" : "%.3g", value);
  return text;
}

}  // namespace

void Report::Table(const std::string& first_column, const std::vector<std::string>& columns) {
  columns_ = columns;
  if (json_) return;
  std::printf("\n%-*s", kLabelWidth, first_column.c_str());
  for (const std::string& column : columns) std::printf("%*s", Width(column), column.c_str());
  std::printf("\n");
  std::fflush(stdout);
}

void Report::Row(const std::string& label, absl::Span<const double> values) {
  PMOE_CHECK(values.size() == columns_.size());
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isnan(values[i])) numbers_.emplace_back(label + "." + columns_[i], values[i]);
  }
  if (json_) return;
  std::printf("%-*s", kLabelWidth, label.c_str());
  for (size_t i = 0; i < values.size(); ++i) {
    std::printf("%*s", Width(columns_[i]), Short(values[i]).c_str());
  }
  std::printf("\n");
  std::fflush(stdout);
}

void Report::Note(const std::string& text) {
  if (json_) return;
  std::printf("%s\n", text.c_str());
  std::fflush(stdout);
}

void Report::Value(const std::string& name, double value) {
  numbers_.emplace_back(name, value);
  if (json_) return;
  std::printf("%s: %s\n", name.c_str(), Short(value).c_str());
  std::fflush(stdout);
}

void Report::Finish() const {
  if (!json_) return;
  std::printf("{");
  for (size_t i = 0; i < numbers_.size(); ++i) {
    std::printf("%s\n  \"%s\": %.6g", i == 0 ? "" : ",", numbers_[i].first.c_str(),
                numbers_[i].second);
  }
  std::printf("\n}\n");
}

}  // namespace pmoe
