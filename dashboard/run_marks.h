// What befell a run, for its curves: checkpoints, restarts, actors that came and went, as log.txt
// tells. Bounded, whatever the log says. Thread-compatible.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace pmoe {

struct RunMark {
  std::string kind;  // "checkpoint", "restart", "joined", "gone"
  uint64_t env_steps = 0;
  std::string text;
};

class RunMarks {
 public:
  static constexpr size_t kMarksMax = 400;  // more: every second checkpoint goes, or every second

  // A line of log.txt; one that names no env steps is no mark.
  void AddLine(absl::string_view line);
  void Clear();

  const std::vector<RunMark>& marks() const { return marks_; }
  // Grows with every change.
  uint64_t changes() const { return changes_; }
  // [{"kind": ..., "env_steps": ..., "text": ...}, ...]
  std::string Json() const;

 private:
  void ThinOut();

  std::vector<RunMark> marks_;
  uint64_t changes_ = 1;
};

}  // namespace pmoe
