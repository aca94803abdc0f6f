// What peers sent and this process would not believe: values without sense, seats that nobody gave
// out, streams that say nothing. Each door refuses the message, counts it here for
// pmoe_rejected_total and goes on. Said on stderr at most every ten seconds for each door and
// reason. One per process. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "common/base/mutex.h"
#include "common/base/printable_text.h"

namespace pmoe {

class Rejections {
 public:
  static Rejections& OfProcess();
  explicit Rejections(Clock* clock = Clock::Real()) : clock_(clock) {}

  // `door`: where it came in ("join", "follow", "insert"). `reason`: what is wrong with it, one of
  // few words, because each is a time series ("version", "not_finite", "too_long", "seat"). `who`:
  // the member, "actor 1 (pid 4711 on host)". `what`: a sentence with the value. Text of a peer's
  // own goes through PrintableText (common/base). Not with a lock held: it logs.
  void Add(absl::string_view door, absl::string_view reason, absl::string_view who,
           absl::string_view what) ABSL_LOCKS_EXCLUDED(mu_);
  // By (door, reason); what never happened is not there.
  using Key = std::pair<std::string, std::string>;
  std::map<Key, int64_t> Counts() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Entry {
    int64_t count = 0;
    int64_t unsaid = 0;
    Clock::Time next_line{};
  };

  Clock* const clock_;
  mutable Mutex mu_;
  std::map<Key, Entry> entries_ ABSL_GUARDED_BY(mu_);
};

}  // namespace pmoe
