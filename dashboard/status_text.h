// A run's state as the page takes it: the RunStatus as JSON (control/wire/status_json.h), but its
// actors, which may be a thousand, as a table with a row each. Free function.
#pragma once

#include <string>

#include "proto/run.pb.h"

namespace pmoe {

// One line. `members` are those that are no actors; `actors` is
// {"columns": ["index", ...], "rows": [[0, ...], ...]}, null where a process does not say.
std::string PageStatusJson(const RunStatus& status);

}  // namespace pmoe
