// pmoe-replay limiter ADDR: changes, pauses or shows the limiter of a shard that runs.
#pragma once

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "common/base/cli_fwd.h"
#include "common/rpc/security_flags.h"

namespace pmoe {

// Filled by the parser that AddTo was called on, which keeps pointers into this object.
class LimiterCommand {
 public:
  void AddTo(CLI::App* app);
  bool parsed() const;
  // Prints what holds now. The shard's refusal, in the words of the flags.
  absl::Status Run(std::FILE* out) const;

 private:
  CLI::App* command_ = nullptr;
  std::string at_;
  std::string table_;
  std::optional<double> samples_per_insert_;
  std::optional<int64_t> min_size_;
  std::optional<double> error_window_;
  bool pause_ = false;
  bool resume_ = false;
  SecurityFlags security_;
};

}  // namespace pmoe
