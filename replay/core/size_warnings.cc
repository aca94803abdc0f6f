#include "replay/core/size_warnings.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "replay/core/page_pool.h"

namespace pmoe {
namespace {

// The rest is for the learner, the actors and the system.
constexpr double kMemoryShare = 0.8;
constexpr int64_t kPriorityBytes = 10;  // of a row in its SumTree, at most
constexpr int64_t kCountBytes = 2;      // of a row, how often it was given
constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;

std::string GiB(int64_t bytes) {
  return absl::StrFormat("%.1f GiB", static_cast<double>(bytes) / kGiB);
}

// Two digits, downwards.
int64_t Rounded(double rows) {
  int64_t unit = 1;
  while (rows / static_cast<double>(unit) >= 100.0) unit *= 10;
  return static_cast<int64_t>(rows / static_cast<double>(unit)) * unit;
}

}  // namespace

TableSize FullSize(const ReplayShardOptions& options, int64_t rows_ever, int64_t streams) {
  const std::optional<FifoOptions>& fifo = options.table.fifo;
  const int64_t rows =
      std::min(fifo.has_value() ? fifo->rows_max() : options.table.capacity, rows_ever);
  const int64_t priorities = options.table.priority.has_value() ? kPriorityBytes * kPageRows : 0;
  const int64_t counts = options.table.max_times_sampled > 0 ? kCountBytes * kPageRows : 0;
  const int64_t page = PagePool(options.spec).page_bytes() + priorities + counts;
  const int64_t pages = (rows + kPageRows - 1) / kPageRows + (fifo.has_value() ? streams : 0);
  const int64_t bytes = pages * page;
  const int64_t bytes_max = fifo.has_value() ? 0 : options.table.bytes_max;
  if (bytes_max == 0 || bytes <= bytes_max) return {rows, bytes};
  return {bytes_max / page * kPageRows, bytes_max};
}

std::vector<std::string> SizeWarnings(const TableSize& table, int64_t memory, int tables,
                                      int64_t state_bytes, const std::string& folder,
                                      const DiskSpace& disk) {
  std::vector<std::string> warnings;
  const auto usable = static_cast<int64_t>(kMemoryShare * static_cast<double>(memory));
  if (memory > 0 && table.bytes > usable) {
    const double rows = static_cast<double>(table.rows) * static_cast<double>(usable) /
                        static_cast<double>(table.bytes);
    warnings.push_back(absl::StrCat(
        "replay will grow to ", GiB(table.bytes), " at ", table.rows,
        " rows, but this process may use ", GiB(memory), " of memory and would be ended on the way",
        "; set replay.capacity=", Rounded(rows), " or less, or replay.bytes_max=", usable));
  }
  const int64_t checkpoint = tables * table.bytes + table.log_bytes + state_bytes;
  const auto free = static_cast<int64_t>(disk.free_bytes);
  if (disk.total_bytes > 0 && checkpoint > free) {
    warnings.push_back(absl::StrCat(
        "checkpoints will take up to ", GiB(checkpoint), " in ", folder, " (", tables, " files of ",
        table.rows, " rows of replay, the new one beside those that are kept, ",
        table.log_bytes > 0 ? absl::StrCat(GiB(table.log_bytes), " of log, ") : "",
        "and the learner's state), but ", GiB(free),
        " are free; free some space, choose a folder on another volume, ",
        "or lower checkpoint.keep or replay.capacity"));
  }
  return warnings;
}

}  // namespace pmoe
