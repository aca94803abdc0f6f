// A few threads that do one piece of work together, many thousand times a second, with barriers
// inside. The caller is thread 0. They wait spinning for a moment and then asleep: so a barrier
// costs about a microsecond when every thread has a core, and a thread whose core an actor took
// does not keep another one busy. Waits have no deadline: all that they wait for is the team's own
// arithmetic. Used by one thread at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "absl/functional/function_ref.h"

namespace pmoe {

class ThreadTeam {
 public:
  explicit ThreadTeam(int threads);
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  int size() const { return size_; }
  // Calls work(thread) on every thread, and returns when all have. Denormals are flushed in it.
  void Run(absl::FunctionRef<void(int thread)> work);
  // Inside Run, by every thread equally often: what each wrote before, all see after.
  void Barrier();

 private:
  void Loop(int thread);

  const int size_;
  const absl::FunctionRef<void(int)>* work_ = nullptr;  // set before `starts_` moves
  // On lines of their own: who arrives does not disturb those that look whether all have.
  alignas(64) std::atomic<uint32_t> starts_{0};
  alignas(64) std::atomic<uint32_t> arrived_{0};
  alignas(64) std::atomic<uint32_t> passed_{0};  // barriers so far
  std::atomic<bool> ends_{false};
  std::vector<std::thread> others_;
};

}  // namespace pmoe
