// How old the sampled rows are: versions and seconds between the snapshot that made a row and the
// newest one, averaged over the rows since the last drain. Rows of the uniform warm-up have no
// version and do not count. Thread-compatible.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "common/base/bytes.h"
#include "common/base/stopwatch.h"

namespace pmoe {

class SampleLag {
 public:
  struct Means {
    double versions = 0.0;
    double seconds = 0.0;  // since the row's version was published; of this process's versions only
  };

  // The newest version from now on; they grow.
  void OnPublish(uint64_t version);
  void OnRows(absl::Span<const uint32_t> versions);  // that made each sampled row
  Means Drain();

  // The undrained sum over versions: a metric of the run. Seconds start anew with each process.
  void SaveState(ByteWriter* out) const;
  void LoadState(ByteReader* in);

 private:
  Stopwatch clock_;
  uint64_t newest_ = 0;
  uint64_t first_ = 0;               // version of published_s_[0]
  std::vector<double> published_s_;  // by version - first_
  uint64_t rows_ = 0;
  uint64_t versions_ = 0;
  uint64_t timed_rows_ = 0;
  double seconds_ = 0.0;
};

}  // namespace pmoe
