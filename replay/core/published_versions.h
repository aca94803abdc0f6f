// Which policy versions a row may name: those that the run's learner has published, as far as the
// shard was told. An actor may have a version a moment before the shard hears of it. Nobody is
// believed who names one that the learner, asked for its newest since, does not know.
// Thread-compatible.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "common/base/clock.h"

namespace pmoe {

// The highest that is taken for a version at all: a run that publishes ten a second makes fewer in
// six years.
inline constexpr uint32_t kVersionMax = uint32_t{1} << 31;

class PublishedVersions {
 public:
  // How long the learner must have gone on speaking before it counts that it did not name a
  // version. Its actors are followed up every second.
  static constexpr std::chrono::seconds kPatience{10};

  // The learner's newest is `version`; versions only grow. Said `now`, as opposed to in a request
  // that may have waited long.
  void Raise(uint64_t version) {
    told_ = true;
    named_ = std::max(named_, static_cast<uint32_t>(std::min<uint64_t>(version, kVersionMax)));
    newest_ = std::max(newest_, named_);
  }
  void Raise(uint64_t version, Clock::Time now) {
    Raise(version);
    heard_at_ = now;
  }

  // Rows of the table have it: their writers go on with it.
  void Reach(uint32_t version) { newest_ = std::max(newest_, std::min(version, kVersionMax)); }

  bool told() const { return told_; }
  // Highest that a row may name by now; before the learner has said anything, kVersionMax.
  uint32_t newest() const { return told_ ? newest_ : kVersionMax; }
  // Has the learner spoken for long since `came`? Then a version of that time that it did not name
  // was never published.
  bool SpokenSince(Clock::Time came) const { return heard_at_ >= came + kPatience; }

  // Highest that the learner has named itself; before it has named one, kVersionMax.
  uint32_t named() const { return named_ > 0 ? named_ : kVersionMax; }

 private:
  bool told_ = false;
  uint32_t named_ = 0;
  uint32_t newest_ = 0;
  Clock::Time heard_at_{};
};

}  // namespace pmoe
