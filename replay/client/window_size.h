// How many chunks a writer may have on the way. Enough that the connection is never idle, and no
// more: behind a slow learner what waits at the shard's limiter grows old, that of every actor, and
// only the time that an acknowledgement takes tells the two apart. Thread-compatible.
#pragma once

#include <cstddef>

#include "common/base/clock.h"

namespace pmoe {

class WindowSize {
 public:
  // Always `chunks_max`; or, to keep rows fresh, what acknowledgements allow, two to `chunks_max`.
  WindowSize(size_t chunks_max, bool keep_fresh);

  size_t chunks() const { return chunks_; }
  // A chunk waited so long for its acknowledgement; `full`: the window's end held the writer back.
  // Grows by one while that is not much more than the shortest wait so far, which is the way there
  // and back; halves where it is.
  void OnAck(Clock::Duration waited, bool full);

 private:
  const size_t chunks_max_;
  const bool keep_fresh_;
  size_t chunks_;
  Clock::Duration shortest_ = Clock::Duration::max();
};

}  // namespace pmoe
