#include "learner/run/run_parts.h"

#include "absl/strings/str_cat.h"

namespace pmoe {

RunLogOptions LogOptions(const RunConfig& config, uint64_t total_steps, bool resumed,
                         uint64_t resumed_steps) {
  RunLogOptions options;
  options.label =
      absl::StrCat(config.env().id(), " ", config.algorithm(), " seed ", config.seed());
  options.total_steps = total_steps;
  options.primitives = config.policy().primitives();
  options.log_every_steps = config.observe().log_every_steps();
  options.resumed = resumed;
  options.resumed_steps = resumed_steps;
  return options;
}

}  // namespace pmoe
