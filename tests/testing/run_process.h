// Runs a command to its end and returns what it printed.
#pragma once

#include <sys/wait.h>

#include <cstdio>
#include <string>
#include <vector>

#include "common/base/check.h"

namespace pmoe::testing {

struct ProcessResult {
  int exit_code = -1;  // -1: ended by a signal
  std::string output;  // standard output and error, in the order written
};

// Words with spaces or quotes reach the command as they are.
inline ProcessResult RunProcess(const std::vector<std::string>& words) {
  std::string command;
  for (const std::string& word : words) {
    command += '\'';
    for (const char c : word) command += c == '\'' ? std::string("'\\''") : std::string(1, c);
    command += "' ";
  }
  std::FILE* pipe = ::popen((command + "2>&1").c_str(), "r");
  PMOE_CHECK(pipe != nullptr);
  ProcessResult result;
  char buffer[4096];
  for (size_t n; (n = std::fread(buffer, 1, sizeof(buffer), pipe)) > 0;) {
    result.output.append(buffer, n);
  }
  const int status = ::pclose(pipe);
  if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  return result;
}

}  // namespace pmoe::testing
