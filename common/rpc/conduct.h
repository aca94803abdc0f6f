// How often each peer has lately sent what makes no sense. Some of it is forgiven, for one bad
// value may come of one bad step; who goes on with it is put out for a while. What it keeps is
// bounded. Times are seconds of one monotonic clock. Thread-compatible.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace pmoe {

struct ConductLimits {
  size_t forgiven = 8;     // messages within memory_s
  double memory_s = 60.0;  // so long ago is forgotten
  double out_s = 60.0;     // so long it is put out
};

class Conduct {
 public:
  explicit Conduct(ConductLimits limits = {}) : limits_(limits) {}

  // `who` sent something that makes no sense. True: that was one too many.
  bool OnNonsense(const std::string& who, absl::string_view what, double now_s);
  // "put out for another 52 s: too many messages made no sense, the last: …"; nullopt: it may come
  // in.
  std::optional<std::string> WhyOut(const std::string& who, double now_s) const;

 private:
  struct Entry {
    std::deque<double> at_s;  // of the last messages, at most one more than is forgiven
    double until_s = 0.0;     // put out
    std::string last;
  };
  void MakeRoom(double now_s);

  const ConductLimits limits_;
  std::map<std::string, Entry> entries_;
};

}  // namespace pmoe
