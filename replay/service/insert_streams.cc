#include "replay/service/insert_streams.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"

namespace pmoe {

InsertStreams::Place::~Place() { streams_->Leave(this); }

void InsertStreams::Evict(Place* place) {
  place->evicted_ = true;
  place->context_->TryCancel();
}

absl::StatusOr<std::unique_ptr<InsertStreams::Place>> InsertStreams::Enter(
    const InsertHello& hello, grpc::ServerContext* context) {
  MutexLock lock(&mu_);
  if (closed_) return absl::UnavailableError("the shard takes no rows now; come back later");
  const ActorKey key{hello.member(), hello.actor()};
  const auto [first, last] = inside_.equal_range(key);
  for (auto it = first; it != last; ++it) {
    // A life that is over does not cut the one that took its place.
    if (it->second->epoch_ <= hello.epoch()) continue;
    return absl::OutOfRangeError(absl::StrCat("actor ", hello.actor(), " is of epoch ",
                                              hello.epoch(), ", but epoch ", it->second->epoch_,
                                              " has taken its place; join anew"));
  }
  for (auto it = first; it != last; ++it) Evict(it->second);
  std::unique_ptr<Place> place(new Place(this, context, hello.epoch()));
  inside_.emplace(key, place.get());
  return place;
}

void InsertStreams::Leave(Place* place) {
  MutexLock lock(&mu_);
  const auto found = std::find_if(inside_.begin(), inside_.end(),
                                  [place](const auto& entry) { return entry.second == place; });
  PMOE_CHECK(found != inside_.end());
  inside_.erase(found);
  left_.NotifyAll();
}

void InsertStreams::Close() {
  MutexLock lock(&mu_);
  closed_ = true;
}

void InsertStreams::Open() {
  MutexLock lock(&mu_);
  closed_ = false;
}

void InsertStreams::EvictAll() {
  MutexLock lock(&mu_);
  for (const auto& [key, place] : inside_) Evict(place);
}

bool InsertStreams::AwaitEmpty(std::chrono::milliseconds timeout) {
  const Clock::Time deadline = Clock::Real()->Now() + timeout;
  MutexLock lock(&mu_);
  while (!inside_.empty() && left_.WaitUntil(&mu_, deadline)) {
  }
  return inside_.empty();
}

uint32_t InsertStreams::count() const {
  MutexLock lock(&mu_);
  return static_cast<uint32_t>(inside_.size());
}

}  // namespace pmoe
