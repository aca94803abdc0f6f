// What crosses from an actor to replay: n consecutive steps of one environment as flat columns.
// O obs_dim, A action_dim, X width of the algorithm's extra columns.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"

namespace pmoe {

inline constexpr int kPageRows = 64;  // rows of a page, and steps of a chunk at most

// The columns of a table, fixed when it is created.
struct TableSpec {
  int obs_dim = 0;
  int action_dim = 0;
  int extra_dim = 0;  // columns that the policy declares (component, log-probability, …)

  bool operator==(const TableSpec&) const = default;
};

struct Chunk {
  uint32_t member = 0;      // of a population; 0 today
  uint32_t actor = 0;       // actor index within the run
  uint32_t epoch = 0;       // life of that index
  uint64_t seq = 0;         // per (actor, epoch), without gaps
  uint32_t env = 0;         // environment within the actor
  uint64_t first_step = 0;  // per (actor, epoch, env): number of the first row's step
  uint64_t round = 0;       // lockstep
  bool last_of_round = false;
  uint32_t rows = 0;  // n, 0 only for a bare last_of_round marker

  std::vector<float> observations;       // [n + 1, O]; the last one is the successor of row n - 1
  std::vector<float> actions;            // [n, A], normalised to [-1, 1]
  std::vector<float> rewards;            // [n]
  std::vector<uint8_t> terminated;       // [n]
  std::vector<uint8_t> truncated;        // [n]
  std::vector<uint32_t> policy_version;  // [n]; 0: the uniform warm-up
  std::vector<float> extra;              // [n, X]
};

inline constexpr int64_t kRowsMax = int64_t{1} << 42;     // of a run
inline constexpr uint32_t kEnvsMax = 4096;                // of an actor
inline constexpr uint64_t kStepsMax = uint64_t{1} << 48;  // of an environment; chunks of a writer

// Extra columns that say which of so many: whoever learns from them uses them as an index. Those
// behind `columns` are any numbers.
struct ExtraChoices {
  static constexpr int kColumnsMax = 8;
  int columns = 0;
  std::array<uint32_t, kColumnsMax> below{};  // 0, 1, … below it; 0: any number
};

// Are a row's extra columns [X] such numbers?
bool AreChoices(const ExtraChoices& choices, const float* extra);

// What a chunk may say beside what the columns of its table allow.
struct ChunkRules {
  bool reject_nonfinite = true;  // no NaN and no infinity in any column
  uint32_t envs = kEnvsMax;      // environments of an actor: env is less
  ExtraChoices choices{};
};

// OK, or Nonsense naming the field: column sizes, flags of 0 or 1, rows <= kPageRows, an episode's
// end in the last row only, empty columns in a bare marker, and what the rules say. Policy versions
// are the shard's affair.
absl::Status ValidateChunk(const TableSpec& spec, const ChunkRules& rules, const Chunk& chunk);

// One step as the actor sees it; spans are borrowed for the call.
struct Transition {
  absl::Span<const float> obs{};     // [O]
  absl::Span<const float> action{};  // [A]
  float reward = 0.0f;
  bool terminated = false;
  bool truncated = false;
  absl::Span<const float> next_obs{};  // [O], the true successor, also at an episode's end
  uint32_t policy_version = 0;
  absl::Span<const float> extra{};  // [X]
};

}  // namespace pmoe
