// What a task keeps from step to step beside mjData, as plain numbers: drawn commands, last
// actions, histories. Parts take their own blocks once, before the first episode; all of them are
// saved and restored together. Thread-compatible.
#pragma once

#include <deque>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "common/base/bytes.h"

namespace pmoe {

class EpisodeMemory {
 public:
  // Zeros, at an address that stays. An empty block for size 0.
  absl::Span<double> Allocate(size_t size);
  bool empty() const { return size_ == 0; }

  void Save(ByteWriter* out) const;
  // Parses without changing anything. DataLossError unless the bytes hold as many numbers as were
  // allocated. Which values make sense is for each part to say: they clamp what they use as a
  // count.
  absl::Status Read(ByteReader* in, std::vector<double>* numbers) const;
  // `numbers` come from Read.
  void Apply(absl::Span<const double> numbers);

 private:
  std::deque<std::vector<double>> blocks_;
  size_t size_ = 0;
};

}  // namespace pmoe
