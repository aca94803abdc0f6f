#include "actor/row_queue.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <vector>

#include "common/base/mutex.h"
#include "tests/actor/actor_testing.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

constexpr std::chrono::seconds kLong(60);

// Takes no row before it is opened.
class GatedWriter : public RecordingWriter {
 public:
  absl::Status Write(uint32_t env, const Transition& transition) override {
    MutexLock lock(&mu_);
    began_ = true;
    changed_.NotifyAll();
    while (!open_ && !cancelled_) changed_.Wait(&mu_);
    if (cancelled_) return absl::CancelledError("this actor shall end");
    return RecordingWriter::Write(env, transition);
  }
  void Cancel() override {
    MutexLock lock(&mu_);
    cancelled_ = true;
    changed_.NotifyAll();
  }
  void Open() {
    MutexLock lock(&mu_);
    open_ = true;
    changed_.NotifyAll();
  }
  void AwaitBlocked() {
    MutexLock lock(&mu_);
    while (!began_) changed_.Wait(&mu_);
  }

 private:
  Mutex mu_;
  CondVar changed_;
  bool open_ ABSL_GUARDED_BY(mu_) = false;
  bool began_ ABSL_GUARDED_BY(mu_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
};

// Row n leads from n to n + 1.
absl::Status WriteRow(RowQueue* queue, float n, bool done = false, uint32_t env = 0) {
  const std::vector<float> obs = {n}, action = {-n}, next = {n + 1};
  Transition row;
  row.obs = obs;
  row.action = action;
  row.next_obs = next;
  row.truncated = done;
  return queue->Write(env, row);
}

TEST(RowQueueTest, HandsOnEveryRowAsItWas) {
  RecordingWriter writer;
  RowQueue queue(&writer, 1000);
  for (int n = 0; n < 500; ++n) ASSERT_OK(WriteRow(&queue, n, n % 100 == 99));
  queue.Close(kLong);
  ASSERT_EQ(writer.rows.size(), 500u);
  for (int n = 0; n < 500; ++n) {
    const float x = static_cast<float>(n);
    EXPECT_EQ(writer.rows[n], (Row{0, {x}, {-x}, {x + 1}, 0.0f, false, n % 100 == 99, 0}));
  }
  EXPECT_EQ(queue.TakeLeftOut(), 0u);
}

// The row that is last marks its episode as cut; what replay gets are whole pieces of episodes.
TEST(RowQueueTest, AFullOneCutsTheEpisodeAndTakesTheNextOneThatFindsRoom) {
  GatedWriter writer;
  RowQueue queue(&writer, 4);
  for (int n = 0; n < 7; ++n) ASSERT_OK(WriteRow(&queue, n, n == 6));
  ASSERT_OK(WriteRow(&queue, 10));  // the next episode begins while it is full
  writer.Open();
  while (queue.waiting() > 0) std::this_thread::yield();
  ASSERT_OK(WriteRow(&queue, 11, /*done=*/true));
  ASSERT_OK(WriteRow(&queue, 20));
  queue.Close(kLong);
  ASSERT_EQ(writer.rows.size(), 5u);
  const std::vector<float> firsts = {0, 1, 2, 3, 20};
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(writer.rows[i].obs[0], firsts[i]);
    EXPECT_EQ(writer.rows[i].truncated, i == 3);
  }
  EXPECT_EQ(queue.TakeLeftOut(), 5u);
}

TEST(RowQueueTest, NeverWaitsForAWriterThatDoes) {
  GatedWriter writer;
  RowQueue queue(&writer, 64);
  ASSERT_OK(WriteRow(&queue, 0));
  writer.AwaitBlocked();
  for (int n = 1; n < 10'000; ++n) ASSERT_OK(WriteRow(&queue, n));
  EXPECT_EQ(queue.TakeLeftOut(), 10'000u - 64);
}

TEST(RowQueueTest, EndsThoughItsWriterIsBlocked) {
  GatedWriter writer;
  RowQueue queue(&writer, 64);
  for (int n = 0; n < 3; ++n) ASSERT_OK(WriteRow(&queue, n));
  EXPECT_EQ(queue.Close(std::chrono::milliseconds(1)), 2u);
  EXPECT_TRUE(writer.rows.empty());
  EXPECT_EQ(queue.TakeLeftOut(), 2u);  // beside the one under way
}

TEST(RowQueueTest, TheWritersErrorIsThatOfTheNextRow) {
  RecordingWriter writer;
  writer.rows_max = 2;
  RowQueue queue(&writer, 64);
  absl::Status status;
  while (status.ok()) status = WriteRow(&queue, 0);
  EXPECT_THAT(status, FailsWith(absl::StatusCode::kUnavailable, "replay is gone"));
}

}  // namespace
}  // namespace pmoe
