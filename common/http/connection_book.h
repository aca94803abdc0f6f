// The connections that an HTTP server holds: who is cut because it takes too long, or because
// others need the room. A connection that is cut is shut down; the server, which owns the
// descriptor, then sees its end. Thread-safe.
#pragma once

#include <cstddef>
#include <list>
#include <map>

#include "common/base/clock.h"
#include "common/base/mutex.h"

namespace pmoe {

class ConnectionBook {
 public:
  struct Limits {
    size_t connections;      // one more cuts the oldest that is no stream
    size_t streams;          // open at once
    Clock::Duration answer;  // from the connection's start to its end, for what is no stream
  };
  explicit ConnectionBook(Limits limits, Clock* clock = Clock::Real())
      : limits_(limits), clock_(clock), changed_(clock) {}

  // By whoever accepts, before the connection goes to the server's thread, which adds it. Then it
  // waits, at most a second, until that has happened and less than twice as many as may be are
  // held: those that were cut end a moment later, and further ones wait in the kernel until then.
  void Expect() ABSL_LOCKS_EXCLUDED(mu_);
  void AwaitRoom() ABSL_LOCKS_EXCLUDED(mu_);
  // `key` is the connection's until Remove, which comes before its descriptor is closed.
  void Add(const void* key, int fd) ABSL_LOCKS_EXCLUDED(mu_);
  void Remove(const void* key) ABSL_LOCKS_EXCLUDED(mu_);
  // The connection stays open for a stream, unless there are as many as may be; those whose client
  // has left do not count.
  bool MakeStream(const void* key) ABSL_LOCKS_EXCLUDED(mu_);
  // Cuts what has taken too long.
  void CutLate() ABSL_LOCKS_EXCLUDED(mu_);
  // Whether the client has hung up, cut or not.
  bool HasLeft(const void* key) const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Entry {
    int fd;
    Clock::Time began;
    bool stream = false;
    bool cut = false;
  };
  static bool HungUp(const Entry& entry);
  static void Cut(Entry* entry);
  using Entries = std::list<std::pair<const void*, Entry>>;

  const Limits limits_;
  Clock* const clock_;
  mutable Mutex mu_;
  CondVar changed_;
  size_t expected_ ABSL_GUARDED_BY(mu_) = 0;
  Entries entries_ ABSL_GUARDED_BY(mu_);  // oldest first
  std::map<const void*, Entries::iterator> by_key_ ABSL_GUARDED_BY(mu_);
};

}  // namespace pmoe
