// Finds the interface of a plugin in a shared library. Thread-safe.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "actor/env/pmoe_env.h"

namespace pmoe {

// A value; the library stays loaded until the process ends.
class PluginLibrary {
 public:
  // NotFoundError: it cannot be loaded. FailedPreconditionError: it is of a version of the
  // interface that is not known. InvalidArgumentError: it is no plugin.
  static absl::StatusOr<PluginLibrary> Load(const std::string& path);
  // What is built in.
  explicit PluginLibrary(const PmoeEnvPlugin* functions) : functions_(functions) {}

  // An environment for `functions`; null on an error.
  void* Create(const PmoeEnvArgs& args, PmoeError* error) const;
  // Of the newest version, whatever the library's is; all but create.
  const PmoeEnvPlugin& functions() const { return *functions_; }

 private:
  explicit PluginLibrary(const PmoeEnvPluginV1* old);

  const PmoeEnvPlugin* functions_;
  const PmoeEnvPluginV1* old_ = nullptr;
};

}  // namespace pmoe
