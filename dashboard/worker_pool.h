// The HTTP server's threads. The library's own pool takes any number of connections, and each holds
// a file descriptor that the training may need: this one keeps a few waiting, and while there is no
// room the server accepts nobody, so that further ones wait in the kernel's short queue.
// Thread-safe; owns its threads.
#pragma once

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "common/base/mutex.h"
#include "httplib.h"

namespace pmoe {

class WorkerPool : public httplib::TaskQueue {
 public:
  WorkerPool(int threads, size_t waiting_max);

  // Waits for room. Never drops `work`, which owns its connection.
  void enqueue(std::function<void()> work) override ABSL_LOCKS_EXCLUDED(mu_);
  // Does what waits, then ends the threads.
  void shutdown() override ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Work() ABSL_LOCKS_EXCLUDED(mu_);

  const size_t waiting_max_;
  Mutex mu_;
  CondVar changed_;
  std::deque<std::function<void()>> waiting_ ABSL_GUARDED_BY(mu_);
  bool over_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace pmoe
