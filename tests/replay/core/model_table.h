// A plain model of ReplayTable for observations of 3 and actions of 2. It never forgets a
// transition: it keeps each stream's whole history and notes the page that each transition lies on,
// so its n-step returns are read off the history and not off pages. The first component of every
// observation must be unique: it names the transition.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "replay/core/chunk.h"
#include "replay/core/minibatch.h"

namespace pmoe {

struct ModelStep {
  std::vector<float> obs, action, next_obs;
  float reward;
  bool terminated;
  bool truncated;
  bool ends;  // the episode, or what the table knows of it
  bool spent = false;
  uint32_t version;
  uint64_t page;
};

struct ModelStream {
  uint64_t next_step = 0;
  bool in_episode = false;
  std::vector<float> head;
  std::vector<ModelStep> history;
  std::optional<uint64_t> page;
  int page_rows = 0;
  bool known = false;
  size_t told = 0;  // of history, up to which NewlyEligible has told
};

class ModelTable {
 public:
  // pages_max 0: no limit. limited: rows are spent some day.
  ModelTable(int64_t capacity, int64_t pages_max, int n_step, double gamma, bool limited)
      : capacity_(capacity),
        pages_max_(pages_max),
        n_step_(n_step),
        gamma_(gamma),
        limited_(limited) {}

  ModelStream& stream(uint32_t actor, uint32_t env) { return streams_[{actor, env}]; }

  void Append(uint32_t actor, uint32_t env, const Chunk& chunk);
  void CutActor(uint32_t actor);
  void Spend(const std::vector<float>& ids);

  bool Live(const ModelStep& step) const { return pages_.contains(step.page); }
  bool Eligible(const ModelStream& s, size_t i) const;
  // First observation components of all that may be sampled.
  std::vector<float> EligibleIds() const;
  // Those that may be since the last call, by stream.
  std::vector<float> NewlyEligible();

  int64_t Size() const;
  int64_t Stored() const;  // spent ones too, as long as their page is here
  int64_t pages() const { return static_cast<int64_t>(pages_.size()); }
  int64_t inserted() const { return inserted_; }

  // Row or sequence b of the batch must be one that may be sampled, in every column.
  void ExpectExact(Minibatch* batch, int b) const;
  void ExpectExactSequence(const Minibatch& batch, int b) const;

 private:
  // What the flags of a sequence say of the stream's i'th step.
  uint8_t FlagsOf(const ModelStream& s, size_t i) const;
  struct ModelPage {
    int64_t steps = 0;
    int64_t spent = 0;  // of these
    bool closed = false;
    std::optional<uint64_t> prev{};
  };

  void PlaceRow(ModelStream* s);
  void Close(ModelStream* s);
  void Cut(ModelStream* s);
  void EvictOldestClosed();
  bool IsSpent(const ModelPage& page) const { return page.closed && page.spent == page.steps; }
  void FreeSpent();

  const int64_t capacity_;
  const int64_t pages_max_;
  const int n_step_;
  const double gamma_;
  const bool limited_;
  std::map<std::pair<uint32_t, uint32_t>, ModelStream> streams_;
  std::map<uint64_t, ModelPage> pages_;
  std::map<float, std::pair<ModelStream*, size_t>> by_id_;
  uint64_t next_page_ = 0;
  int64_t inserted_ = 0;
};

}  // namespace pmoe
