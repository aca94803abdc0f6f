// What a command line lacks, in the words of every other error here: flag, value, fix. Pure
// function.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace pmoe {

// `said`: what CLI11 says, "--jobs: Value 0 not in range 1 to 1024". What it says in other ways
// comes back as it is.
std::string UsageText(absl::string_view said);

}  // namespace pmoe
