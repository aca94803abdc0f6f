// What a benchmark prints: tables of numbers as they come, or one flat JSON object at the end.
// Thread-compatible.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"

namespace pmoe {

class Report {
 public:
  explicit Report(bool json) : json_(json) {}

  // Starts a table. `columns` name the numbers of its rows, units included: "updates_per_cpu_s".
  void Table(const std::string& first_column, const std::vector<std::string>& columns);
  // One number per column; NaN: not measured.
  void Row(const std::string& label, absl::Span<const double> values);
  // A sentence for people.
  void Note(const std::string& text);
  // A number that stands in no table.
  void Value(const std::string& name, double value);
  // With json: prints {"label.column": number, …}.
  void Finish() const;

 private:
  bool json_;
  std::vector<std::string> columns_;
  std::vector<std::pair<std::string, double>> numbers_;
};

}  // namespace pmoe
