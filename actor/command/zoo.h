// The trained policies that come along (zoo/README.md): small run directories, by name.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace pmoe {

// Its folder. NotFoundError that lists the names there are, or says that there is no zoo here.
absl::StatusOr<std::string> ZooRun(const std::string& name);

}  // namespace pmoe
