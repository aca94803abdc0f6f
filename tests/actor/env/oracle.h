// Runs the Python oracles beside this file with the interpreter of the installed wheels.
#pragma once

#include <string>
#include <vector>

namespace pmoe {

// Standard output of "python tests/actor/env/SCRIPT ARGS…"; fails the test if it exits with an
// error.
std::string RunOracle(const std::string& script, const std::vector<std::string>& args);

}  // namespace pmoe
