#include "replay/core/sequence.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

constexpr uint8_t kEnds = kSequenceTerminated | kSequenceTruncated;

bool CanEnd(uint8_t flags) { return (flags & ~kEnds) == 0 || flags == kSequenceCut; }

absl::Status CheckFlags(const Minibatch& batch, size_t i, size_t length) {
  const auto rows = static_cast<size_t>(batch.sequence_rows());
  const uint8_t* const flags = batch.flags() + i * rows;
  const auto is_set = [](uint8_t value) { return value != 0; };
  const uint8_t last = flags[length - 1];
  if (std::any_of(flags, flags + length - 1, is_set) || !CanEnd(last)) {
    return absl::DataLossError("a sequence has flags that no row has there");
  }
  if (length < rows && last == 0) {
    return absl::DataLossError(
        absl::StrCat("a sequence of ", length, " of ", rows, " rows does not say why it ends"));
  }
  if (std::any_of(flags + length, flags + rows, is_set)) {
    return absl::DataLossError("a sequence has flags behind its end");
  }
  return absl::OkStatus();
}

// Of rows [begin, end) of a column of 32-bit values.
bool AreZeros(const void* column, int width, size_t begin, size_t end) {
  const char* const at = static_cast<const char*>(column);
  const size_t bytes = static_cast<size_t>(width) * 4;
  return std::all_of(at + begin * bytes, at + end * bytes, [](char byte) { return byte == 0; });
}

bool IsFilledUp(const Minibatch& batch, size_t begin, size_t end) {
  const TableSpec& spec = batch.spec();
  return AreZeros(batch.obs(), spec.obs_dim, begin, end) &&
         AreZeros(batch.action(), spec.action_dim, begin, end) &&
         AreZeros(batch.reward(), 1, begin, end) && AreZeros(batch.discount(), 1, begin, end) &&
         AreZeros(batch.next_obs(), spec.obs_dim, begin, end) &&
         AreZeros(batch.policy_version(), 1, begin, end);
}

absl::Status CheckSequence(const Minibatch& batch, size_t i) {
  const auto rows = static_cast<size_t>(batch.sequence_rows());
  const size_t length = batch.length()[i];
  if (length < 1 || length > rows) {
    return absl::DataLossError(
        absl::StrCat("a sequence of ", length, " rows, it must be in [1, ", rows, "]"));
  }
  PMOE_RETURN_IF_ERROR(CheckFlags(batch, i, length));
  const size_t end = i * rows + length;
  const bool terminated = (batch.flags()[end - 1] & kSequenceTerminated) != 0;
  if (terminated && batch.discount()[end - 1] != 0.0f) {
    return absl::DataLossError(
        absl::StrCat("a sequence terminated with a discount of ", batch.discount()[end - 1]));
  }
  if (IsFilledUp(batch, end, (i + 1) * rows)) return absl::OkStatus();
  return absl::DataLossError("a sequence is not filled up with zeros");
}

}  // namespace

absl::Status CheckSequences(const Minibatch& batch, int first, int count) {
  for (int i = first; i < first + count; ++i) {
    PMOE_RETURN_IF_ERROR(CheckSequence(batch, static_cast<size_t>(i)));
  }
  return absl::OkStatus();
}

}  // namespace pmoe
