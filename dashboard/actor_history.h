// What each actor of a run did over time, in bounded memory: at most kTimesMax columns of equal
// length, the first one when it began. When they are full, neighbours are merged and a column
// becomes twice as long. With kActorsMax actors it takes 10 MB. Thread-compatible.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "proto/run.pb.h"

namespace pmoe {

class ActorHistory {
 public:
  static constexpr size_t kTimesMax = 240;    // even
  static constexpr size_t kActorsMax = 2048;  // those with the lowest indices
  static constexpr double kColumn_s = 2.0;    // at first

  enum Value {
    kStepsPerS,  // env steps per second
    kBehind,     // snapshots between the weights in use and the newest
    kBlocked,    // share of the time, 0 to 1
    kValues,
  };
  // "steps_per_s", "behind", "blocked"; nullopt: none of these.
  static std::optional<Value> ValueNamed(absl::string_view name);

  // `now_s`: of one clock that only goes forward. An actor that is gone leaves nothing, nor does a
  // value that its process does not say.
  void Add(const RunStatus& status, double now_s);

  size_t times() const { return times_; }
  double column_s() const { return column_s_; }
  // Grows with every merge: then all columns are new.
  uint64_t merges() const { return merges_; }
  size_t actors() const { return cells_.size(); }
  // Mean over the column; NaN: nothing is known. `actor` is one's index in the run.
  double at(uint32_t actor, size_t time, Value value) const;

  // {"column_s": 2, "merges": 0, "from": n, "times": m, "actors": [0, ...], "rows": [[...], ...]}:
  // a row for each actor with the columns from `from` on.
  std::string Json(Value value, size_t from) const;

 private:
  struct Cell {
    float sum[kValues] = {};
    uint16_t count[kValues] = {};
  };
  void Put(uint32_t actor, size_t time, Value value, double number);
  void MergeNeighbours();

  std::map<uint32_t, std::vector<Cell>> cells_;  // by actor; [times]
  std::optional<double> begin_s_;
  double column_s_ = kColumn_s;
  size_t times_ = 0;
  uint64_t merges_ = 0;
};

}  // namespace pmoe
