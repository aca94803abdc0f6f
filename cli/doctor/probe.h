// Runs a program to its end, or to a deadline, and keeps what it says. Thread-compatible.
#pragma once

#include <atomic>
#include <string>
#include <vector>

namespace pmoe {

struct Probe {
  bool ok = false;      // it ended by itself, with exit code 0
  std::string said;     // both streams; needs no disk
  std::string failure;  // one line: its error, or how it ended; empty if ok
  double seconds = 0.0;
};

// words: the program's path, then its arguments. It is killed at the deadline, and once
// `interrupted` is set.
Probe RunProbe(const std::vector<std::string>& words, double deadline_s,
               const std::atomic<bool>& interrupted);

// Where the shell would find it; empty: nowhere.
std::string FindOnPath(const std::string& program);

}  // namespace pmoe
