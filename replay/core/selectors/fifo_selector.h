// Every row once, first in, first out, an equal share of every stream: the rollouts of on-policy
// learners. The streams of an actor that is gone, or that a newer epoch has replaced, take no more
// rows and end when theirs are given. Holds writers back so that nobody runs away from the learner.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "replay/core/selectors/selector.h"

namespace pmoe {

struct FifoOptions {
  int64_t rollout_steps = 0;  // rows of the largest rollout; at least one for each environment
  int max_lag = 1;            // rollouts that an actor may be ahead of the one to be taken next

  absl::Status Validate() const;
  // Rows that may wait, but for those of environments whose neighbours lack some.
  int64_t rows_max() const { return rollout_steps * (1 + max_lag); }
};

class FifoSelector : public Selector {
 public:
  // The options must be valid. Borrows the pool, which must outlive it.
  FifoSelector(const PagePool* pool, const FifoOptions& options);

  void OnOpen(uint32_t page) override;
  void OnReady(RowRef first, int count) override;
  void OnEvict(uint32_t) override {}

  absl::Status Check(const SelectRequest& request) const override;
  // Are all rows of the rollout here? What streams that ended hold is used first; the rest comes in
  // equal parts from the others, the remainder a row each from those with the most rows waiting
  // (the first of equals), so that no stream falls behind over time.
  bool CanSelect(const SelectRequest& request) const override {
    return Shares(request).has_value();
  }
  bool MaySelect(int64_t rows) const override { return size_ >= rows; }
  void Select(const SelectRequest& request, Rng*, std::vector<RowRef>* rows) override;

  void OnStream(const StreamId& id) override;
  void OnCut(const StreamId& id) override;
  void DropOlder(uint32_t version_min) override;
  Spent TakeSpent() override;
  int64_t dropped() const override { return dropped_; }

  absl::Status CheckStream(const StreamId& id, int64_t others) const override;
  // A stream may hold its part of (1 + max_lag) rollouts, and a chunk more while any stream of its
  // actor lacks rows for the next one: an actor's chunks come in one order, and the one that is
  // missing may be behind this one.
  bool HasRoom(const StreamId& id, int64_t rows) const override;
  absl::Status CheckRoundRoom() const override;
  bool RoomGrew() override { return std::exchange(room_grew_, false); }
  std::string ExplainInsert() const override;
  std::string ExplainSelect(const SelectRequest& request) const override;

  std::string SaveState() const override;
  absl::Status LoadState(absl::string_view state) override;

 private:
  // Rows of one version that follow each other on a page.
  struct Run {
    RowRef first;
    int64_t rows = 0;
    uint32_t version = 0;
  };
  struct Stream {
    bool live = false;
    int64_t rows = 0;
    std::deque<Run> runs;
    std::deque<uint32_t> pages;  // not spent, in the order of opening
  };
  using Streams = std::map<StreamId, Stream>;

  static std::string Name(const StreamId& id);
  // Rows that can be had of the stream.
  static int64_t Available(const Stream& stream, uint32_t version_max);
  Stream& StreamOf(uint32_t page);
  void GiveUp(const Run& run);
  int64_t LiveStreams() const;
  int64_t DeadRows() const;
  // Rows of the next rollout that a live stream may owe, at most.
  int64_t Quota() const;
  // Rows that each stream gives, in the order of streams_.
  std::optional<std::vector<int64_t>> Shares(const SelectRequest& request) const;
  void SelectFrom(Stream* stream, int64_t owed, std::vector<RowRef>* rows);

  const PagePool* pool_;
  FifoOptions options_;
  Streams streams_;
  Spent spent_;
  uint32_t version_min_ = 0;
  int64_t size_ = 0;  // rows that wait
  int64_t dropped_ = 0;
  bool room_grew_ = false;
  bool may_be_spent_ = false;  // something since the last TakeSpent
};

}  // namespace pmoe
