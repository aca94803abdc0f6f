#include "dashboard/history.h"

#include <cmath>
#include <limits>
#include <utility>

#include "common/metrics/run_totals.h"

namespace pmoe {
namespace {

constexpr double kNoValue = std::numeric_limits<double>::quiet_NaN();

bool OnlyGrows(const std::string& column) {
  return column == "env_steps" || column == "updates" || RunTotals::IsTotal(column);
}

}  // namespace

History::History(std::vector<std::string> columns)
    : columns_(std::move(columns)), latest_(columns_.size(), kNoValue) {
  for (const std::string& column : columns_) keeps_last_.push_back(OnlyGrows(column));
}

double History::at(size_t point, size_t column) const {
  const Cell& cell = cells_[point * columns_.size() + column];
  return cell.rows == 0 ? kNoValue : cell.value;
}

void History::Add(absl::Span<const double> row) {
  if (points_ == kPointsMax && rows_in_last_ == rows_per_point_) MergeNeighbours();
  if (points_ == 0 || rows_in_last_ == rows_per_point_) {
    ++points_;
    cells_.resize(points_ * columns_.size());
    rows_in_last_ = 0;
  }
  ++rows_in_last_;
  ++rows_;
  Cell* const last = &cells_[(points_ - 1) * columns_.size()];
  for (size_t column = 0; column < columns_.size(); ++column) {
    if (std::isnan(row[column])) continue;
    AddTo(&last[column], {row[column], 1}, column);
    latest_[column] = row[column];
  }
}

void History::AddTo(Cell* cell, const Cell& more, size_t column) const {
  if (more.rows == 0) return;
  const uint32_t rows = cell->rows + more.rows;
  cell->value = keeps_last_[column] || cell->rows == 0
                    ? more.value
                    : cell->value + (more.value - cell->value) * more.rows / rows;
  cell->rows = rows;
}

void History::MergeNeighbours() {
  const size_t width = columns_.size();
  for (size_t point = 0; point < points_ / 2; ++point) {
    for (size_t column = 0; column < width; ++column) {
      Cell merged = cells_[2 * point * width + column];
      AddTo(&merged, cells_[(2 * point + 1) * width + column], column);
      cells_[point * width + column] = merged;
    }
  }
  points_ /= 2;
  cells_.resize(points_ * width);
  rows_per_point_ *= 2;
  rows_in_last_ = rows_per_point_;
  ++merges_;
}

}  // namespace pmoe
