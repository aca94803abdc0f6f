// Writes records to segments, some at a time: all of them on disk, or none. Thread-compatible.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"

namespace pmoe {

class SegmentWriter {
 public:
  SegmentWriter(std::string dir, std::string owner, int64_t segment_bytes)
      : dir_(std::move(dir)), owner_(std::move(owner)), segment_bytes_(segment_bytes) {}
  ~SegmentWriter();
  SegmentWriter(const SegmentWriter&) = delete;
  SegmentWriter& operator=(const SegmentWriter&) = delete;

  // The records from `position` on, and fdatasync. After an error nothing of them counts: the
  // segment is cut and left, and the next call begins another.
  absl::Status Write(uint64_t position, absl::Span<const std::string> records);

  double sync_s() const { return sync_s_; }  // of the last Write
  int64_t bytes() const { return bytes_; }   // of the last Write

 private:
  absl::Status Begin(uint64_t position);
  absl::Status Put(absl::Span<const std::string> records);
  absl::Status Sync();
  void Leave();

  const std::string dir_;
  const std::string owner_;
  const int64_t segment_bytes_;
  std::string path_;
  int fd_ = -1;
  int64_t size_ = 0;     // written
  int64_t on_disk_ = 0;  // synced
  double sync_s_ = 0.0;
  int64_t bytes_ = 0;
};

}  // namespace pmoe
