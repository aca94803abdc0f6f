// `pmoe dashboard DIR...`: the dashboard over runs that are finished, or that other processes
// train.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/base/cli_fwd.h"
#include "common/dashboard/dashboard_flags.h"
#include "common/rpc/security_flags.h"

namespace pmoe {

class DashboardCommand {
 public:
  void AddTo(CLI::App* app);
  bool chosen() const;
  // Serves until Ctrl-C.
  absl::Status Run() const;

 private:
  CLI::App* dashboard_ = nullptr;
  std::vector<std::string> folders_ = {"runs"};
  DashboardFlags flags_;
  SecurityFlags security_;  // of clusters that are asked
};

}  // namespace pmoe
