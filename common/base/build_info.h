// What this binary was built from. Every process of a run must be of one build.
#pragma once

#include <string>

namespace pmoe {

// "0.1.0"
std::string BuildVersion();
// Commit at configure time; empty outside a checkout.
std::string BuildCommit();
// "0.1.0 (0123456789ab)"
std::string BuildId();

// Where another file of this build lies: beside this binary.
std::string BinaryPath(const std::string& name);

}  // namespace pmoe
