#include "replay/client/insert_grants.h"

#include <algorithm>
#include <cmath>

#include "replay/core/chunk.h"

namespace pmoe {
namespace {

constexpr double kSampledMax = 1e16;  // that one shard's rows may count as

// Why nobody starves. Let w be the window in inserted rows, S the shards, a the rows that a shard
// is granted and has not used. Samples are blocked only while more than w rows may still be
// inserted in all. If all of those are granted, and one shard has fewer than a chunk left, the
// others would hold back more than w - 64 rows; but they hold at most (S - 1) * w / S, and w is at
// least 64 * S. So either samples move on, or there is something left to grant.
int64_t AheadMax(const RateLimiterOptions& options, int shards) {
  const double rows = options.Window() / options.samples_per_insert / shards;
  return std::max<int64_t>(kPageRows, static_cast<int64_t>(std::min(rows, 1e15)));
}

}  // namespace

RateLimiterOptions InsertGrants::ForShards(RateLimiterOptions options, int shards) {
  options.insert_max = static_cast<int64_t>(kPageRows) * shards;
  return options;
}

InsertGrants::InsertGrants(const RateLimiterOptions& options, int shards)
    : options_(ForShards(options, shards)),
      ahead_max_(AheadMax(options_, shards)),
      limiter_(options_),
      shards_(static_cast<size_t>(shards)) {}

void InsertGrants::OnCounts(int shard, int64_t inserted) {
  Shard* const counted = &shards_[static_cast<size_t>(shard)];
  counted->known ? Advance(counted, inserted) : Meet(counted, inserted);
  Grant();
}

void InsertGrants::Meet(Shard* shard, int64_t inserted) {
  *shard = {.known = true, .offset = 0, .inserted = inserted, .bound = inserted};
  const auto counting = [this] { return std::max<int64_t>(inserted_ - options_.min_size, 0); };
  const int64_t before = counting();
  inserted_ += inserted;
  limiter_.OnInsert(inserted);
  const double owed = options_.samples_per_insert * static_cast<double>(counting() - before);
  limiter_.OnSample(std::llround(std::min(owed, kSampledMax)));
}

void InsertGrants::Advance(Shard* shard, int64_t inserted) {
  int64_t now = inserted + shard->offset;
  // Below: restarted, with fewer rows. Above its bound: restored, these are no inserts of now.
  const int64_t believed = std::clamp(now, shard->inserted, shard->bound);
  shard->offset += believed - now;
  now = believed - shard->inserted;
  shard->inserted = believed;
  inserted_ += now;
  limiter_.OnInsert(now);
}

void InsertGrants::Grant() {
  int64_t left = limiter_.InsertBound();
  std::vector<Shard*> known;
  for (Shard& shard : shards_) {
    left -= shard.bound;
    if (shard.known) known.push_back(&shard);
  }
  const auto ahead = [](const Shard* shard) { return shard->bound - shard->inserted; };
  // Whoever has least comes first.
  std::sort(known.begin(), known.end(),
            [&](const Shard* a, const Shard* b) { return ahead(a) < ahead(b); });
  for (Shard* const shard : known) {
    const int64_t more = std::clamp<int64_t>(left, 0, ahead_max_ - ahead(shard));
    shard->bound += more;
    left -= more;
  }
}

void InsertGrants::LetIn() {
  for (Shard& shard : shards_) {
    if (shard.known) shard.bound = std::max<int64_t>(shard.bound, shard.inserted + kPageRows);
  }
}

int64_t InsertGrants::Bound(int shard) const {
  const Shard& granted = shards_[static_cast<size_t>(shard)];
  return granted.bound - granted.offset;
}

}  // namespace pmoe
