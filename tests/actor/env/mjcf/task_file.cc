#include "tests/actor/env/mjcf/task_file.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "actor/env/registry.h"
#include "tests/testing/paths.h"

namespace pmoe {

std::string TaskTermsModel() { return SourceFile("tests/actor/env/mjcf/task_terms.xml"); }

absl::StatusOr<std::unique_ptr<Env>> TryTask(TempDir* dir, const std::string& text,
                                             const std::string& model) {
  const std::string file = dir->File("task.textproto");
  std::ofstream(file) << "model: \"" << model << "\"\n" << text << "\n";
  return MakeEnv("mjcf:" + file, {}, "");
}

std::unique_ptr<Env> MakeTask(TempDir* dir, const std::string& text) {
  auto env = TryTask(dir, text);
  if (!env.ok()) {
    ADD_FAILURE() << env.status();
    std::abort();
  }
  return *std::move(env);
}

}  // namespace pmoe
