// The rate limiter of several shards, on the learner's side: it counts the rows of all of them, and
// grants each a bound that its inserts may reach. The bounds together never exceed what the limiter
// allows, however old the counts are, because a bound is never lowered. No shard may hold back more
// than its share of the error window, so that one without writers starves nobody.
// Thread-compatible.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "replay/core/rate_limiter.h"

namespace pmoe {

class InsertGrants {
 public:
  // What the limiter of `shards` shards is made with: the largest insert is a chunk for each.
  static RateLimiterOptions ForShards(RateLimiterOptions options, int shards);

  // The options for that many shards must be valid.
  InsertGrants(const RateLimiterOptions& options, int shards);

  // Rows ever inserted, as the shard counts them. What it holds when it is first heard of counts as
  // sampled already, so that a learner that comes back owes no burst of updates. One that was
  // restarted and counts fewer goes on from there: rows that were lost stay counted.
  void OnCounts(int shard, int64_t inserted);
  bool CanSample(int64_t rows) const { return limiter_.CanSample(rows); }
  void OnSample(int64_t rows) { limiter_.OnSample(rows); }
  // No shard has a row to give, as after a kill of all of them, whose rows stay counted: each may
  // take a chunk more, whatever the limiter says, or both sides would wait for ever.
  void LetIn();

  // Rows ever inserted that the shard may reach, as it counts them; 0: none yet.
  int64_t Bound(int shard) const;
  std::string Explain() const { return limiter_.Explain(); }

 private:
  // In the learner's count, which never goes backwards: the shard's own plus `offset`.
  struct Shard {
    bool known = false;
    int64_t offset = 0;
    int64_t inserted = 0;
    int64_t bound = 0;  // at least `inserted`
  };

  void Meet(Shard* shard, int64_t inserted);
  void Advance(Shard* shard, int64_t inserted);
  void Grant();

  const RateLimiterOptions options_;
  const int64_t ahead_max_;  // rows by which a bound is ahead of what is inserted
  RateLimiter limiter_;
  int64_t inserted_ = 0;  // of all shards
  std::vector<Shard> shards_;
};

}  // namespace pmoe
