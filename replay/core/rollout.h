// What an on-policy learner takes from replay: the next rows of every stream, each handed out once,
// cut into segments that a return can be summed over. Plain values.
//
//   N rows, S segments, O obs_dim, A action_dim, X extra_dim
#pragma once

#include <compare>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "common/base/bytes.h"
#include "replay/core/chunk.h"

namespace pmoe {

// How the last row of a segment left off. An episode that is both terminated and truncated there
// counts as terminated.
enum class SegmentEnd : uint8_t {
  kTerminated = 1,
  kTruncated = 2,
  kCut = 3,  // the episode goes on: in the next rollout, after rows that were lost, or nowhere
};

// Consecutive steps of one environment, without an episode's end between them.
struct RolloutSegment {
  uint32_t actor = 0;
  uint32_t epoch = 0;
  uint32_t env = 0;
  int64_t start = 0;   // row
  int64_t length = 0;  // rows, >= 1
  SegmentEnd end = SegmentEnd::kCut;

  bool operator==(const RolloutSegment&) const = default;
};

struct Rollout {
  TableSpec spec{};
  // Rows in (actor, env, step) order; an actor's older epoch before its newer one.
  std::vector<float> obs;                // [N, O]
  std::vector<float> action;             // [N, A]
  std::vector<float> reward;             // [N]
  std::vector<uint32_t> policy_version;  // [N]
  std::vector<float> extra;              // [N, X]
  std::vector<RolloutSegment> segments;  // [S], contiguous, covering all rows in order
  std::vector<float> bootstrap_obs;      // [S, O] successor of each segment's last row
  int64_t dropped = 0;                   // rows too old to be taken, since the shard began

  int64_t rows() const { return static_cast<int64_t>(reward.size()); }
};

struct RolloutRequest {
  int64_t steps = 0;                  // N
  uint32_t version_min = 0;           // older rows are dropped, those still to come too
  uint32_t version_max = UINT32_MAX;  // a newer row ends what can be taken of its stream

  bool operator==(const RolloutRequest&) const = default;
};

// Names one take, so that it can be asked for again when the answer was lost. Higher is later.
struct RolloutTicket {
  uint64_t learner_epoch = 0;
  uint64_t id = 0;

  auto operator<=>(const RolloutTicket&) const = default;
};

// OK if the columns have the sizes of the spec and of rows(), and the segments cover the rows one
// after the other; DataLossError says what does not.
absl::Status ValidateRollout(const Rollout& rollout);

// For checkpoints. The reader takes what fits the reader's bytes; validate what it gives.
void SaveRollout(const Rollout& rollout, ByteWriter* out);
Rollout LoadRollout(const TableSpec& spec, ByteReader* in);

}  // namespace pmoe
