// What the machine did beside a benchmark: rates taken beside load are no measure of a program. One
// thread at a time.
#pragma once

#include <string>
#include <vector>

#include "tests/benchmark/report.h"

namespace pmoe {

// CPU time of everything but this process and its ended children, round by round, from /proc/stat.
class OtherLoad {
 public:
  // Around what one round measures; its children have ended by the second call.
  void BeginRound();
  void EndRound();

  // " BESIDE LOAD" to mark a table's title with, if others had more than a tenth of a core in some
  // round; else empty.
  std::string Mark() const;
  // "TABLE.other_load_cores", the median of the rounds, and what it means if there is a mark.
  void Tell(const std::string& table, Report* report) const;

 private:
  double begin_wall_s_ = 0.0;
  double begin_other_s_ = 0.0;
  std::vector<double> cores_;  // [rounds]
};

}  // namespace pmoe
