// What both kinds of learner do with the statistics and the weights of an update. Values;
// thread-compatible.
#pragma once

#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "learner/nets/flat_parameters.h"
#include "run/learner.h"

namespace pmoe {

// Sums since the last drain.
struct StatSums {
  explicit StatSums(size_t stats) : sums(stats, 0.0) {}

  // InternalError, and nothing is added: one of the first `losses` values is not finite. `update`
  // and `fix`, the settings to make smaller, are for its message.
  template <typename Values>
  absl::Status Add(const Values& values, const std::vector<std::string>& names, int losses,
                   uint64_t update, absl::string_view fix) {
    for (int i = 0; i < losses; ++i) {
      if (!std::isfinite(values[i])) return NotFinite(names[i], update, fix);
    }
    for (size_t i = 0; i < sums.size(); ++i) sums[i] += values[i];
    ++count;
    return absl::OkStatus();
  }
  // Their means, and RouterInformation but of MCP; those that are not a number say nothing of this
  // policy.
  LearnerStats Drain(const std::vector<std::string>& names, HeadType head);

  uint64_t count = 0;
  std::vector<double> sums;

 private:
  static absl::Status NotFinite(const std::string& name, uint64_t update, absl::string_view fix);
};

// I(S;K) = H(mean w) - mean H(w), nats: what a primitive tells of the state, of the means of
// "router_entropy" and "primitive_usage_k" over minibatches. Nothing with one primitive; the
// weights must sum to 1, which MCP's do not.
std::optional<double> RouterInformation(const LearnerStats& stats);

// The first member's weights, without a scale of observations.
std::shared_ptr<PolicySnapshot> MakeSnapshot(const PolicySpec& policy, uint64_t version,
                                             uint64_t env_steps, const FlatParameters& weights);

}  // namespace pmoe
