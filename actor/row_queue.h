// Between an actor that must not be late and a writer that may block: rows wait here for a thread
// of their own, which hands them on. Where replay gives no room for long, the queue fills up; then
// the robot is stepped on all the same and its episode is cut: the last row that was kept is marked
// truncated, and what follows in that episode is left out and counted. Its owner's thread calls.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <set>
#include <thread>
#include <vector>

#include "common/base/mutex.h"
#include "replay/client/transition_writer.h"

namespace pmoe {

class RowQueue : public TransitionWriter {
 public:
  // Keeps up to rows_max >= 1 rows. `writer` outlives it and is the queue's thread's from now on.
  RowQueue(TransitionWriter* writer, size_t rows_max);
  ~RowQueue() override;  // gives up what waits

  // Never waits. The writer's first error, once it has one.
  absl::Status Write(uint32_t env, const Transition& transition) override ABSL_LOCKS_EXCLUDED(mu_);
  // FailedPreconditionError: rounds are lockstep's, where an actor waits.
  absl::Status EndRound(uint64_t round) override;
  absl::Status LoadState(ByteReader* in) override;
  void SaveState(ByteWriter*) const override {}
  absl::Status Flush() override { return absl::OkStatus(); }
  bool AbandonEpisode(uint32_t) override { return false; }  // after LoadState only
  void Cancel() override { writer_->Cancel(); }

  // Waits until all is handed on, then ends the thread, after `timeout` in any case; how many rows
  // are lost then. The last call.
  size_t Close(std::chrono::milliseconds timeout) ABSL_LOCKS_EXCLUDED(mu_);
  // Rows that are not handed on yet.
  size_t waiting() const ABSL_LOCKS_EXCLUDED(mu_);
  // Rows left out since the last call.
  uint64_t TakeLeftOut() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Row {
    uint32_t env = 0;
    Transition values;  // its spans are those below
    std::vector<float> obs, action, next_obs, extra;
  };

  static Row Copy(uint32_t env, const Transition& transition);
  void Work() ABSL_LOCKS_EXCLUDED(mu_);

  TransitionWriter* const writer_;
  const size_t rows_max_;
  mutable Mutex mu_;
  CondVar changed_;
  // The front one may be on its way to the writer: it is not changed any more.
  std::deque<Row> rows_ ABSL_GUARDED_BY(mu_);
  std::set<uint32_t> cut_ ABSL_GUARDED_BY(mu_);  // environments whose episode is left out
  uint64_t left_out_ ABSL_GUARDED_BY(mu_) = 0;
  absl::Status failure_ ABSL_GUARDED_BY(mu_);
  bool over_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;  // last: it uses what stands above
};

}  // namespace pmoe
