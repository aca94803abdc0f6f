#include "replay/service/replay_dump.h"

#include <cerrno>
#include <cinttypes>

#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "replay/core/replay_table.h"
#include "replay/core/row_crc.h"

namespace pmoe {

absl::Status DumpTable(const std::string& path, std::FILE* out) {
  const auto print = [out](const StoredStep& row) {
    std::fprintf(out, "%u %u %u %" PRIu64 " %08x %u\n", row.actor, row.epoch, row.env, row.step,
                 RowCrc(row.transition), row.transition.policy_version);
  };
  PMOE_ASSIGN_OR_RETURN(const ReplayTable table, ReplayTable::FromFile(path));
  table.VisitSteps(print);
  if (std::fflush(out) == 0 && std::ferror(out) == 0) return absl::OkStatus();
  return FileError("write", "the dump", errno);
}

}  // namespace pmoe
