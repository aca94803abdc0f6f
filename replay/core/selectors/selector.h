// Which of a table's rows a learner gets. The table tells its selector what becomes of the rows;
// the selector says which are given, and may hold writers back until some were. A new way to choose
// is a class with this interface (the first two groups are enough for one that samples) and a line
// in MakeSelector. Thread-compatible; the table owns it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/base/rng.h"
#include "replay/core/page_pool.h"
#include "replay/core/row_key.h"

namespace pmoe {

// Whose rows they are, one life of an actor's environment.
struct StreamId {
  uint32_t member = 0, actor = 0, env = 0, epoch = 0;
  auto operator<=>(const StreamId&) const = default;
};

struct SelectRequest {
  int64_t rows = 0;
  bool in_order = false;  // a rollout: each row once, in (actor, env, step) order; else a minibatch
  uint32_t version_min = 0;           // of a rollout: older rows are given up,
  uint32_t version_max = UINT32_MAX;  // and a newer one ends what can be had of its stream
};

// What a selector has no use for any more, in this order: rows, then pages without any other row,
// if it knows of those.
struct Spent {
  std::vector<RowRef> rows;
  std::vector<uint32_t> pages;
};

class Selector {
 public:
  virtual ~Selector() = default;

  // The table's news. A page was opened in a slot; `count` rows of one page from `first` on can be
  // given from now on; a page's rows are gone.
  virtual void OnOpen(uint32_t page) = 0;
  virtual void OnReady(RowRef first, int count) = 0;
  virtual void OnEvict(uint32_t page) = 0;
  // For one whose rows may be given a limited number of times: the row is not to be given again.
  virtual void OnSpent(RowRef) {}

  // Could the request ever be met, and can it be now?
  virtual absl::Status Check(const SelectRequest& request) const = 0;
  virtual bool CanSelect(const SelectRequest& request) const = 0;
  // Is it worth to ask again for so few rows? Cheap; a yes may be wrong.
  virtual bool MaySelect(int64_t rows) const = 0;
  // Appends request.rows rows to *rows. CanSelect must be true. Draws from *rng or not at all.
  virtual void Select(const SelectRequest& request, Rng* rng, std::vector<RowRef>* rows) = 0;

  // For one that gives each row once, or so many times. A stream begins; it takes no more rows; no
  // row of an older version will be asked for. TakeSpent is asked after every change.
  virtual void OnStream(const StreamId&) {}
  virtual void OnCut(const StreamId&) {}
  virtual void DropOlder(uint32_t /*version_min*/) {}
  virtual Spent TakeSpent() { return {}; }
  virtual int64_t dropped() const { return 0; }  // rows given up as too old, ever

  // For one that holds writers back. May one stream more write beside `others`; has the chunk room;
  // may a whole round be entered; may more be entered than at the last call of this?
  virtual absl::Status CheckStream(const StreamId&, int64_t /*others*/) const {
    return absl::OkStatus();
  }
  virtual bool HasRoom(const StreamId&, int64_t /*rows*/) const { return true; }
  virtual absl::Status CheckRoundRoom() const { return absl::OkStatus(); }
  virtual bool RoomGrew() { return true; }
  // What blocked inserts, or a request, wait for, for people; empty: nothing of this selector's, or
  // for the first row.
  virtual std::string ExplainInsert() const { return ""; }
  virtual std::string ExplainSelect(const SelectRequest&) const { return ""; }

  // For one that prefers rows. The weight in (0, 1] of each of the rows that were selected just
  // now; the errors that a learner found in rows which it got, none negative: how many of these
  // rows are not here any more.
  virtual bool weighs() const { return false; }
  virtual void Weigh(absl::Span<const RowRef>, double /*beta*/, float* /*weights*/) const {}
  virtual int64_t Update(absl::Span<const RowKey>, absl::Span<const float> /*errors*/) { return 0; }

  // What it knows beside the rows and their flags; empty: nothing. Load comes before the rows,
  // OnLoaded after them.
  virtual std::string SaveState() const { return ""; }
  virtual absl::Status LoadState(absl::string_view state) = 0;
  virtual void OnLoaded() {}
};

}  // namespace pmoe
