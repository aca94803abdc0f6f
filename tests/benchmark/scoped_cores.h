// The cores that a benchmark keeps both sides on. One thread at a time.
#pragma once

#include <sched.h>

namespace pmoe {

// While it lives, this thread runs on the last `cores` of the allowed ones, and so does every
// thread and process that it starts.
class ScopedCores {
 public:
  explicit ScopedCores(int cores) {
    sched_getaffinity(0, sizeof(before_), &before_);
    cpu_set_t set;
    CPU_ZERO(&set);
    for (int core = CPU_SETSIZE - 1; core >= 0 && cores > 0; --core) {
      if (!CPU_ISSET(core, &before_)) continue;
      CPU_SET(core, &set);
      --cores;
    }
    sched_setaffinity(0, sizeof(set), &set);
  }
  ~ScopedCores() { sched_setaffinity(0, sizeof(before_), &before_); }
  ScopedCores(const ScopedCores&) = delete;
  ScopedCores& operator=(const ScopedCores&) = delete;

 private:
  cpu_set_t before_;
};

// How many there are to keep to.
inline int AllowedCores() {
  cpu_set_t set;
  sched_getaffinity(0, sizeof(set), &set);
  return CPU_COUNT(&set);
}

}  // namespace pmoe
