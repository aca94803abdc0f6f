// The dashboard's flags, alike for every process that serves one.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/base/cli_fwd.h"

namespace pmoe {

struct DashboardFlags {
  std::string address;  // empty: 127.0.0.1:6006 or the next free port
  std::string token_file;

  void AddTo(CLI::App* app);
  bool wanted() const { return address != "none"; }
  // InvalidArgumentError for an address that is none: before a run has a directory.
  absl::Status Check() const;
  // The same flags for another process.
  std::vector<std::string> Words() const;
};

}  // namespace pmoe
