// The dashboard's messages as JSON text. Free functions; any text is escaped, bytes that are no
// UTF-8 are replaced.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "dashboard/history.h"
#include "dashboard/run_catalog.h"
#include "nlohmann/json_fwd.hpp"

namespace pmoe {

// In one line.
std::string JsonLine(const nlohmann::ordered_json& json);

// With its quotes.
std::string JsonText(absl::string_view text);

// Whole numbers as they are, others with the digits of a float (`exact`: of a double); null for
// NaN and infinities.
void AppendJsonNumber(double value, bool exact, std::string* out);

// {"from": n, "columns": {"env_steps": [...], ...}, "latest": {...}}: the points from `from` on,
// columns that have a value there, and the last value of each, exactly.
std::string HistoryJson(const History& history, size_t from);

// {"own": id, "runs": [{"id": ..., "env": ...}, ...]}. What a browser is told are ages: its clock
// may be another.
std::string RunsJson(const std::vector<RunEntry>& runs, absl::string_view own);

}  // namespace pmoe
