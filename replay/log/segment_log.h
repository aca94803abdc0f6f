// The log of a shard: records that are appended from under the shard's lock and written to segments
// by a thread of its own, all that came together with one fdatasync. What is not on disk yet is
// held in memory. When the disk fails, it is tried again every second, in a new segment.
// Thread-safe. Owns one thread, as a rule.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "replay/core/journal.h"
#include "replay/log/segment_writer.h"

namespace pmoe {

struct SegmentLogOptions {
  std::string dir;
  std::string owner{};                        // what every segment says of whose it is
  uint64_t position = 0;                      // of the first record: behind everything in dir
  int64_t segment_bytes = int64_t{64} << 20;  // then the next one begins
  // false: acknowledgements need not wait for the disk while it is at most loss_max behind, and not
  // at all while it fails. true: they wait, however long.
  bool acks_wait = false;
  std::chrono::milliseconds sync_every{250};  // without acks_wait
  std::chrono::milliseconds loss_max{1000};
  // Held while the disk fails and acknowledgements do not wait; what is more is dropped and
  // counted, and the log is of no use behind the gap until a checkpoint passes it.
  int64_t pending_bytes_max = int64_t{64} << 20;
  Clock* clock = Clock::Real();
  // false: whoever holds the log calls Turn in place of a thread.
  bool own_thread = true;
};

struct SegmentLogStats {
  uint64_t end = 0;       // position
  uint64_t on_disk = 0;   // every record before it
  int64_t bytes = 0;      // written
  double sync_s = 0.0;    // spent in fdatasync
  double behind_s = 0.0;  // age of the oldest record that is not on disk
  int64_t errors = 0;     // writes that failed
  int64_t dropped = 0;    // records
  std::string failing{};  // what the last write failed with; empty: it did not
};

class SegmentLog final : public Journal {
 public:
  static std::unique_ptr<SegmentLog> Start(SegmentLogOptions options);
  // Tries once more to write what is held.
  ~SegmentLog() override;

  void Append(std::string record) override ABSL_LOCKS_EXCLUDED(mu_);
  uint64_t end() const override ABSL_LOCKS_EXCLUDED(mu_);
  // For five seconds at most.
  void AwaitOnDisk(uint64_t position) override ABSL_LOCKS_EXCLUDED(mu_);

  // Without own_thread: writes what is due, as the thread would.
  void Turn() ABSL_LOCKS_EXCLUDED(mu_);

  // Waits until everything appended so far may be acknowledged, or `stop` says true
  // (CancelledError); it is asked about ten times a second, without a lock.
  absl::Status AwaitAck(const std::function<bool()>& stop) ABSL_LOCKS_EXCLUDED(mu_);
  bool acks_wait() const { return options_.acks_wait; }

  SegmentLogStats stats() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  explicit SegmentLog(SegmentLogOptions options);
  void Loop() ABSL_LOCKS_EXCLUDED(mu_);
  void Take() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void WriteTaken() ABSL_LOCKS_EXCLUDED(mu_);
  // Waits for something to write, or to write again; false: the end.
  bool AwaitWork(bool again) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void OnWritten(const absl::Status& status, size_t records, double sync_s)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool MayAcknowledge(uint64_t position) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Report(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mu_);

  const SegmentLogOptions options_;
  SegmentWriter writer_;                      // the thread's
  std::vector<std::string> taken_;            // the thread's, and not on disk
  int64_t taken_bytes_ = 0;                   // the thread's
  uint64_t position_;                         // the thread's: of the first taken
  Clock::Time said_at_ = Clock::Time::min();  // the thread's
  bool said_ = false;                         // the thread's

  mutable Mutex mu_;
  CondVar work_{options_.clock};                           // there is something to write
  CondVar written_{options_.clock};                        // something was
  std::vector<std::string> waiting_ ABSL_GUARDED_BY(mu_);  // not yet the thread's
  int64_t waiting_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  Clock::Time waiting_since_ ABSL_GUARDED_BY(mu_);  // the first of them
  Clock::Time oldest_ ABSL_GUARDED_BY(mu_);         // the first that is not on disk
  Clock::Time write_at_ ABSL_GUARDED_BY(mu_);       // the next write; not before
  uint64_t end_ ABSL_GUARDED_BY(mu_);
  uint64_t on_disk_ ABSL_GUARDED_BY(mu_);
  SegmentLogStats counts_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace pmoe
