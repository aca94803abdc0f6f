// A run's curves in bounded memory: at most kPointsMax points, each of them the mean of the same
// number of rows. When they are full, neighbours are merged and that number doubles, so that the
// points always span the run from its start. Columns that only grow (steps, updates, seconds) keep
// their last value instead of the mean. Thread-compatible.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"

namespace pmoe {

class History {
 public:
  static constexpr size_t kPointsMax = 800;  // even

  explicit History(std::vector<std::string> columns);

  // One cell per column; NaN: absent.
  void Add(absl::Span<const double> row);

  const std::vector<std::string>& columns() const { return columns_; }
  size_t points() const { return points_; }
  // Points that no further row changes, until the next merge.
  size_t complete_points() const { return rows_in_last_ < rows_per_point_ ? points_ - 1 : points_; }
  // NaN: no row of the point has that column.
  double at(size_t point, size_t column) const;
  // The last value that any row had; NaN: none.
  double latest(size_t column) const { return latest_[column]; }
  uint64_t rows() const { return rows_; }
  // Grows with every merge: then all points are new.
  uint64_t merges() const { return merges_; }

 private:
  struct Cell {
    double value = 0.0;
    uint32_t rows = 0;  // that it is the mean of; 0: absent
  };

  void AddTo(Cell* cell, const Cell& more, size_t column) const;
  void MergeNeighbours();

  const std::vector<std::string> columns_;
  std::vector<bool> keeps_last_;  // [columns]
  std::vector<Cell> cells_;       // [points, columns]
  std::vector<double> latest_;    // [columns]
  size_t points_ = 0;
  uint64_t rows_ = 0;
  uint64_t rows_per_point_ = 1;
  uint64_t rows_in_last_ = 1;
  uint64_t merges_ = 0;
};

}  // namespace pmoe
