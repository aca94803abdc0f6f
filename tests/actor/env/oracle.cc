#include "tests/actor/env/oracle.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "tests/testing/paths.h"

namespace pmoe {

std::string RunOracle(const std::string& script, const std::vector<std::string>& args) {
  const char* const deps = std::getenv("PMOE_DEPS");
  if (deps == nullptr) {
    ADD_FAILURE() << "run this test by ctest: it sets PMOE_DEPS";
    return "";
  }
  std::string command =
      absl::StrCat("'", deps, "/venv/bin/python' '", SourceFile("tests/actor/env/"), script, "'");
  for (const std::string& arg : args) absl::StrAppend(&command, " '", arg, "'");
  std::FILE* const pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) {
    ADD_FAILURE() << "cannot start " << command;
    return "";
  }
  std::string output;
  char buffer[4096];
  for (size_t n; (n = std::fread(buffer, 1, sizeof(buffer), pipe)) > 0;) output.append(buffer, n);
  EXPECT_EQ(pclose(pipe), 0) << command;
  return output;
}

}  // namespace pmoe
