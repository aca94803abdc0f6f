#include "dashboard/worker_pool.h"

#include <utility>

namespace pmoe {

WorkerPool::WorkerPool(int threads, size_t waiting_max) : waiting_max_(waiting_max) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Work(); });
}

void WorkerPool::enqueue(std::function<void()> work) {
  MutexLock lock(&mu_);
  while (waiting_.size() >= waiting_max_) changed_.Wait(&mu_);
  waiting_.push_back(std::move(work));
  changed_.NotifyAll();
}

void WorkerPool::shutdown() {
  {
    MutexLock lock(&mu_);
    over_ = true;
    changed_.NotifyAll();
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void WorkerPool::Work() {
  for (;;) {
    std::function<void()> work;
    {
      MutexLock lock(&mu_);
      while (waiting_.empty() && !over_) changed_.Wait(&mu_);
      if (waiting_.empty()) return;
      work = std::move(waiting_.front());
      waiting_.pop_front();
      changed_.NotifyAll();
    }
    work();
  }
}

}  // namespace pmoe
