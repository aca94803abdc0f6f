#include "common/http/connection_book.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <iterator>

namespace pmoe {
namespace {

constexpr std::chrono::seconds kRoomIn(1);

}  // namespace

bool ConnectionBook::HungUp(const Entry& entry) {
  pollfd look = {entry.fd, POLLRDHUP, 0};
  return entry.cut || (::poll(&look, 1, 0) > 0 && look.revents != 0);
}

void ConnectionBook::Cut(Entry* entry) {
  if (entry->cut) return;
  entry->cut = true;
  ::shutdown(entry->fd, SHUT_RDWR);
}

void ConnectionBook::Expect() {
  MutexLock lock(&mu_);
  ++expected_;
}

void ConnectionBook::AwaitRoom() {
  const Clock::Time until = clock_->Now() + kRoomIn;
  MutexLock lock(&mu_);
  while ((expected_ > 0 || entries_.size() >= 2 * limits_.connections) &&
         changed_.WaitUntil(&mu_, until)) {
  }
  expected_ = 0;  // one that never came could not be added
}

void ConnectionBook::Add(const void* key, int fd) {
  MutexLock lock(&mu_);
  if (expected_ > 0) --expected_;
  changed_.NotifyAll();
  entries_.emplace_back(key, Entry{fd, clock_->Now()});
  by_key_[key] = std::prev(entries_.end());
  const auto held = std::count_if(entries_.begin(), entries_.end(),
                                  [](const auto& entry) { return !entry.second.cut; });
  if (static_cast<size_t>(held) <= limits_.connections) return;
  const auto oldest = std::find_if(entries_.begin(), entries_.end(), [](const auto& entry) {
    return !entry.second.cut && !entry.second.stream;
  });
  if (oldest != entries_.end()) Cut(&oldest->second);
}

void ConnectionBook::Remove(const void* key) {
  MutexLock lock(&mu_);
  const auto at = by_key_.find(key);
  if (at == by_key_.end()) return;
  changed_.NotifyAll();
  entries_.erase(at->second);
  by_key_.erase(at);
}

bool ConnectionBook::MakeStream(const void* key) {
  MutexLock lock(&mu_);
  const auto at = by_key_.find(key);
  if (at == by_key_.end()) return false;
  size_t streams = 0;
  for (auto& [other, entry] : entries_) {
    if (!entry.stream) continue;
    if (HungUp(entry)) {
      Cut(&entry);
    } else {
      ++streams;
    }
  }
  if (streams >= limits_.streams) return false;
  at->second->second.stream = true;
  return true;
}

void ConnectionBook::CutLate() {
  MutexLock lock(&mu_);
  const Clock::Time late = clock_->Now() - limits_.answer;
  for (auto& [key, entry] : entries_) {
    if (entry.began > late) return;
    if (!entry.stream) Cut(&entry);
  }
}

bool ConnectionBook::HasLeft(const void* key) const {
  MutexLock lock(&mu_);
  const auto at = by_key_.find(key);
  return at == by_key_.end() || HungUp(at->second->second);
}

}  // namespace pmoe
