// Compares what writers say they sent (their audit logs) with what replay holds (pmoe-replay dump).
#pragma once

#include <cstdint>
#include <string>

namespace pmoe {

struct RowCheck {
  int64_t sent = 0;        // rows in the logs
  int64_t acked = 0;       // of those, acknowledged
  int64_t held = 0;        // rows in the table
  int64_t duplicated = 0;  // a row that the table holds twice
  int64_t torn = 0;        // a row whose content nobody sent so
  int64_t unknown = 0;     // a row that nobody sent
  int64_t backwards = 0;   // a writer's row made with older weights than the row before
};

// audit_dir: actor-<index>-<epoch>.log files; table: a saved replay table.
RowCheck CheckRows(const std::string& audit_dir, const std::string& table);

}  // namespace pmoe
