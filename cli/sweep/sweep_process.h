// One pmoe-train of a sweep, with one run or with several that differ in their seed alone: what
// happens to each of them, and how many cores they take. Thread-compatible.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/up/child.h"
#include "run/seed_report.h"

namespace pmoe {

struct SweepProcessOptions {
  std::vector<std::string> words;  // the program's path, then its arguments
  std::string log;                 // appended to
  std::string report;              // of several runs: --seed-report's file; made anew
  std::map<uint64_t, int> runs;    // index in the plan, by seed
  int at_once = 1;                 // of them
};

// What a run has come to.
struct SweepNews {
  int index = 0;  // in the plan
  SeedEvent event = SeedEvent::kBegun;
  std::string failure;
};

class SweepProcess {
 public:
  static absl::StatusOr<SweepProcess> Start(SweepProcessOptions options);

  // Since the last call, in the order in which it happened. One run alone says nothing.
  std::vector<SweepNews> News();
  // Once, when it has ended; read News once more then.
  std::optional<ChildEnd> Poll() { return child_.Poll(); }
  void Signal(int number) const { child_.Signal(number); }

  // Runs that have not ended as far as News told, in the order of their seeds: those that train,
  // and those that wait for their turn.
  const std::map<uint64_t, int>& open() const { return open_; }
  // Trainings at this time.
  int trainings() const;
  bool is_group() const { return !options_.report.empty(); }

 private:
  SweepProcess(SweepProcessOptions options, Child child);

  SweepProcessOptions options_;
  Child child_;
  std::map<uint64_t, int> open_;
  size_t read_ = 0;  // bytes of the report
};

}  // namespace pmoe
