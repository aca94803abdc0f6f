// The Python whose packages have an environment: found, asked what it is. Free functions;
// thread-safe.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace pmoe {

struct PythonInterpreter {
  std::string executable;  // absolute; of a virtual environment, where it is one
  std::string version;     // "3.11.2"
  std::string library;     // its libpython; empty: it has none
};

// `wanted` (--python), or else that of the virtual environment we run in: $PMOE_PYTHON, then that
// of $VIRTUAL_ENV, then the one that has our wheels. Asks it what it is, which takes some 30 ms,
// the first time. NotFoundError: there is none. FailedPreconditionError: it cannot be run, or it is
// older than 3.10.
absl::StatusOr<PythonInterpreter> FindPython(const std::string& wanted);

// pmoe_gym.py or pmoe_gym_serve.py beside this program. NotFoundError: it is not there.
absl::StatusOr<std::string> GymScript(const std::string& name);

}  // namespace pmoe
