// What must be in a shard, told naively: the list of what happened to it, and from that sets of
// rows. Values and pure functions.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "replay/core/chunk.h"
#include "replay/core/rollout.h"

namespace pmoe {

struct RowName {
  uint32_t actor = 0, epoch = 0, env = 0;
  uint64_t step = 0;

  auto operator<=>(const RowName&) const = default;
  std::string Text() const;
};

// Every column of a row follows from its name and its version, so that a torn one shows.
inline constexpr TableSpec kSimSpec{.obs_dim = 4, .action_dim = 2, .extra_dim = 1};
inline constexpr float kSimGamma = 0.5f;

struct SimRow {
  RowName name{};
  uint32_t version = 0;
  bool terminated = false, truncated = false;
};
// The successor of a row is the observation of the next step.
std::vector<float> ObsOf(const RowName& name);
std::vector<float> ActionOf(const SimRow& row);
float RewardOf(const SimRow& row);
float ExtraOf(const SimRow& row);
// Whose observation it is; nullopt: nobody's.
std::optional<RowName> NameOfObs(const float* obs);
uint32_t CrcOf(const SimRow& row);
// Of one environment, in order.
Chunk ChunkOf(uint64_t seq, const std::vector<SimRow>& rows);

// All chunks that a life of an actor has numbered, by seq.
struct SentChunk {
  std::vector<SimRow> rows{};
  bool spoilt = false;  // it makes no sense, and is never in
};
struct SentLife {
  std::vector<SentChunk> chunks{};
};
using LifeName = std::pair<uint32_t, uint32_t>;  // actor, epoch
using Sent = std::map<LifeName, SentLife>;

struct SimOp {
  enum Kind { kHello, kChunk, kRefused, kCut, kAged, kTaken };
  Kind kind = kHello;
  uint64_t end = 0;  // position of the log behind its record
  Clock::Time at{};
  std::optional<Clock::Time> acked{};  // when it was first said to be in
  LifeName life{};
  uint64_t seq = 0;          // kChunk, kRefused; kHello: first_seq_held
  uint32_t version_min = 0;  // kAged
  RolloutTicket ticket{};    // kTaken
  std::vector<RowName> taken{};
  int64_t sampled = 0;  // rows, ever, after it

  std::string Text() const;
};
using Timeline = std::vector<std::shared_ptr<SimOp>>;

// A shard after the ops of a timeline.
struct SimState {
  struct Life {
    uint64_t next_seq = 0;
    std::set<uint64_t> entered{};  // seqs
    uint64_t lost = 0;             // as its last hello let the shard know
  };
  std::map<uint32_t, uint32_t> epochs{};  // newest, by actor
  std::map<LifeName, Life> lives{};
  std::map<RowName, uint32_t> held{};  // with the version
  int64_t inserted = 0;
  uint32_t version_min = 0;  // rows older are given up, or will be
  RolloutTicket ticket{};
  std::vector<RowName> taken{};  // by the ticket

  // Empty: it fits. Else what is wrong.
  std::string Apply(const Sent& sent, const SimOp& op);
  uint64_t rows_lost() const;
};

}  // namespace pmoe
