#include "replay/load/check_rows.h"

#include "common/base/log.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

constexpr double kSayEvery_s = 2.0;

}  // namespace

void RowProgress::OnRow(uint64_t index) {
  constexpr uint64_t kLookEvery = 1024;
  if (index % kLookEvery != 0 || watch_.Elapsed() < kSayEvery_s) return;
  watch_.Lap();
  Log(LogLevel::kInfo, verb_, " ", index, " of ", total_, " rows");
}

absl::Status CheckInterrupt(const std::atomic<bool>& interrupted) {
  return interrupted ? absl::CancelledError("interrupted") : absl::OkStatus();
}

absl::StatusOr<uint64_t> CheckRows(RowSource* source, const std::atomic<bool>& interrupted) {
  RowProgress progress("looked at", source->rows());
  uint64_t good = 0;
  const auto check = [&](const SourceRow& row) {
    progress.OnRow(row.index);
    PMOE_RETURN_IF_ERROR(CheckInterrupt(interrupted));
    ++good;
    return CheckRow(row);
  };
  PMOE_RETURN_IF_ERROR(source->Visit(check).status());
  if (good > 0) return good;
  return absl::InvalidArgumentError("it has no row that can be loaded");
}

}  // namespace pmoe
