// Task files that tests write, over the model task_terms.xml beside this file.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "actor/env/env.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {

std::string TaskTermsModel();

// The task of that text in a file of `dir`; without its model, which is added.
absl::StatusOr<std::unique_ptr<Env>> TryTask(TempDir* dir, const std::string& text,
                                             const std::string& model = TaskTermsModel());
// Aborts where it cannot be made.
std::unique_ptr<Env> MakeTask(TempDir* dir, const std::string& text);

}  // namespace pmoe
