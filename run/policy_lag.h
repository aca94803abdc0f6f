// How far behind the newest weights the actors are, and how soon a snapshot that was published is
// used. The loop says what it publishes, what actors report and which rows it samples.
// Thread-compatible.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "absl/types/span.h"
#include "common/base/clock.h"
#include "common/metrics/latency_histogram.h"

namespace pmoe {

class PolicyLag {
 public:
  explicit PolicyLag(const Clock* clock = Clock::Real()) : clock_(clock), publish_to_use_(clock) {}

  // The newest version from now on; they grow.
  void OnPublish(uint64_t version);
  // `actor` acts with that version now; 0: with none yet.
  void OnReport(uint32_t actor, uint64_t version);
  // Versions that made rows, which were sampled just now.
  void OnRows(absl::Span<const uint32_t> versions);

  // Means over the actors that reported in the last 10 s, each as of its report.
  struct Means {
    double versions = 0.0;  // between the one that it acted with and the newest
    double seconds = 0.0;   // since the one that it acted with was replaced; 0: it is the newest
  };
  // nullopt: no actor has acted with a version lately.
  std::optional<Means> Lately() const;
  // Of each version, to the first row or report of it or of a newer one.
  const LatencyHistogram& publish_to_use() const { return publish_to_use_; }

 private:
  struct Publication {
    uint64_t version;
    Clock::Time at;
  };
  struct Reported {
    Clock::Time at;
    Means lag;
  };
  // What is older is not timed, whatever number a peer names.
  static constexpr size_t kTimed = size_t{1} << 14;

  void OnUse(uint64_t version, Clock::Time now);
  double SinceReplaced_s(uint64_t version, Clock::Time now) const;

  const Clock* const clock_;
  std::deque<Publication> published_;  // oldest first, versions grow
  uint64_t newest_ = 0;
  uint64_t used_ = 0;  // the newest version that anybody has used
  std::map<uint32_t, Reported> actors_;
  Clock::Time swept_at_{};  // what was reported long ago was thrown away
  LatencyHistogram publish_to_use_;
};

}  // namespace pmoe
