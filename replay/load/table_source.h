// The rows of a saved table, which is held in memory whole. Those of other policies than a run's
// own are of none: their versions become 0.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "replay/core/replay_table.h"
#include "replay/load/row_source.h"

namespace pmoe {

class TableSource final : public RowSource {
 public:
  // InvalidArgumentError or NotFoundError with the path.
  static absl::StatusOr<std::unique_ptr<RowSource>> Open(const std::string& path);

  const TableSpec& spec() const override { return table_.spec(); }
  uint64_t rows() const override { return static_cast<uint64_t>(table_.size()); }
  absl::StatusOr<uint64_t> Visit(Visitor visit) override;

 private:
  explicit TableSource(ReplayTable table) : table_(std::move(table)) {}

  const ReplayTable table_;
};

}  // namespace pmoe
