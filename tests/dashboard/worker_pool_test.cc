#include "dashboard/worker_pool.h"

#include <atomic>

#include "gtest/gtest.h"

namespace pmoe {
namespace {

TEST(WorkerPoolTest, DoesAllThatItWasGivenBeforeItEnds) {
  std::atomic<int> done{0};
  WorkerPool pool(2, 4);
  for (int i = 0; i < 100; ++i) pool.enqueue([&done] { ++done; });
  pool.shutdown();
  EXPECT_EQ(done, 100);
}

TEST(WorkerPoolTest, HoldsNoMoreThanWasAllowed) {
  std::atomic<int> given{0};
  Mutex mu;
  CondVar opened;
  bool open = false;
  WorkerPool pool(1, 2);
  std::thread giver([&] {
    for (int i = 0; i < 10; ++i) {
      pool.enqueue([&] {
        MutexLock lock(&mu);
        while (!open) opened.Wait(&mu);
      });
      ++given;
    }
  });
  // One at work and two that wait; the giver stands before the fourth.
  while (given < 3) std::this_thread::yield();
  EXPECT_LE(given, 3);
  {
    MutexLock lock(&mu);
    open = true;
    opened.NotifyAll();
  }
  giver.join();
  pool.shutdown();
  EXPECT_EQ(given, 10);
}

}  // namespace
}  // namespace pmoe
