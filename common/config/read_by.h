// Which algorithms read a field: the rule's traits in proto/config.proto against the algorithm's
// row. tests/learner/read_by_test.cc holds what the rules say against what the learners do. Pure
// functions.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/config/algorithms.h"
#include "common/config/schema.h"

namespace pmoe {

bool Reads(const Algorithm& algorithm, const SchemaField& field);

// "ppo, pmoe_ppo"; empty: all algorithms.
std::string ReadersText(const SchemaField& field);

// InvalidArgument says which algorithms read the field: "learner.epochs=3 does nothing with
// algorithm sac; only ppo, … read it".
absl::Status NotRead(const Algorithm& algorithm, const SchemaField& field, absl::string_view value);

}  // namespace pmoe
