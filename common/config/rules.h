// Checks of one value against its field's rule in the schema.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/config/schema.h"

namespace pmoe {

// InvalidArgument that lists the choices and says which is nearest.
absl::Status NotAChoice(absl::string_view path, const std::vector<std::string>& choices,
                        absl::string_view value);

// NotAChoice, or ok; always ok for a field without choices.
absl::Status CheckChoice(const SchemaField& field, absl::string_view value);

// InvalidArgument names the broken bound: "learner.actor_lr must be > 0, got -1; SAC usually wants
// 1e-3 to 3e-4".
absl::Status CheckRange(const SchemaField& field, double value);

// "> 0 and <= 1", "sac | pmoe_sac"; empty without a rule.
std::string RangeText(const SchemaField& field);

}  // namespace pmoe
