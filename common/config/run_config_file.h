// The configuration that a run keeps in its directory: config.textproto, whose last line is a
// comment with the CRC32C of all before it. Free functions.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "proto/config.pb.h"

namespace pmoe {

// What stands in the file.
std::string RunConfigText(const RunConfig& config);

// Of <run>/config.textproto. NotFoundError: `run` is no run directory; `flag`, the one that named
// it, stands before it. FailedPreconditionError: the file is damaged or was edited. Values are as
// they stand there: ResolveConfig checks them.
absl::StatusOr<RunConfig> ReadRunConfig(const std::string& run, absl::string_view flag = "");

// For those who look at a run and change nothing of it: checked as when it began, so that what
// comes out may be used without a look. FailedPreconditionError: names the file and the field too.
absl::StatusOr<RunConfig> ReadValidRunConfig(const std::string& run, absl::string_view flag = "");

}  // namespace pmoe
