#include "actor/env/mjcf/episode_memory.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace pmoe {

absl::Span<double> EpisodeMemory::Allocate(size_t size) {
  size_ += size;
  return absl::MakeSpan(blocks_.emplace_back(size));
}

void EpisodeMemory::Save(ByteWriter* out) const {
  std::vector<double> numbers;
  numbers.reserve(size_);
  for (const std::vector<double>& block : blocks_) {
    numbers.insert(numbers.end(), block.begin(), block.end());
  }
  out->Vector(numbers);
}

absl::Status EpisodeMemory::Read(ByteReader* in, std::vector<double>* numbers) const {
  in->Vector(numbers);
  if (!in->ok()) return absl::DataLossError("environment state is truncated");
  if (numbers->size() == size_) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("environment state holds ", numbers->size(),
                                          " numbers of the task, it needs ", size_));
}

void EpisodeMemory::Apply(absl::Span<const double> numbers) {
  for (std::vector<double>& block : blocks_) {
    std::copy(numbers.begin(), numbers.begin() + block.size(), block.begin());
    numbers.remove_prefix(block.size());
  }
}

}  // namespace pmoe
