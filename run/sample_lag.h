// How old the sampled rows are: versions and seconds between the snapshot that made a row and the
// newest one, averaged over the rows since the last drain. Rows of the uniform warm-up have no
// version and do not count. Thread-compatible.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "common/base/bytes.h"
#include "common/base/stopwatch.h"

namespace pmoe {

class SampleLag {
 public:
  struct Means {
    double versions = 0.0;
    // Since the row's version was published; nullopt: none was one of this process's last 16,384.
    std::optional<double> seconds{};
  };

  // The newest version from now on; they grow.
  void OnPublish(uint64_t version);
  void OnRows(absl::Span<const uint32_t> versions);  // that made each sampled row
  std::optional<Means> Drain();                      // nullopt: no row counts

  // The undrained sum over versions: a metric of the run. Seconds start anew with each process.
  void SaveState(ByteWriter* out) const;
  void LoadState(ByteReader* in);

 private:
  struct Publication {
    uint64_t version = 0;  // 0: none
    double at_s = 0.0;
  };
  // A row is timed if its version is one of so many: whatever number a row claims, and however far
  // versions jump, the memory stays the same.
  static constexpr uint64_t kTimed = uint64_t{1} << 14;

  Stopwatch clock_;
  uint64_t newest_ = 0;
  std::vector<Publication> published_;  // [kTimed] by version % kTimed; empty: none yet
  uint64_t rows_ = 0;
  uint64_t versions_ = 0;
  uint64_t timed_rows_ = 0;
  double seconds_ = 0.0;
};

}  // namespace pmoe
