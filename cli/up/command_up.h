// `pmoe up`: a whole cluster on this machine, one process per role, from one configuration.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/base/cli_fwd.h"
#include "common/config/config_flags.h"
#include "common/dashboard/dashboard_flags.h"

namespace pmoe {

// Filled by the parser that AddTo was called on, which keeps pointers into this object.
class UpCommand {
 public:
  void AddTo(CLI::App* app);
  bool chosen() const;
  // After parsing: runs the cluster to its end.
  absl::Status Run() const;

 private:
  absl::Status CheckEnv(const RunStartOptions& start, const RunConfig& config,
                        const std::string& log) const;
  std::vector<std::string> LearnerWords(const RunStartOptions& start) const;

  CLI::App* up_ = nullptr;
  TrainFlags flags_;
  DashboardFlags dashboard_;
  bool tcp_ = false;
  bool insecure_ = false;
  bool audit_ = false;
};

}  // namespace pmoe
