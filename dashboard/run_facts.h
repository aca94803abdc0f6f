// What a run's configuration and manifest say of it, read once and again when they change: a list
// of hundreds of runs costs a look at each file. Thread-compatible.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "common/base/file.h"
#include "proto/config.pb.h"

namespace pmoe {

struct RunFacts {
  std::string env;  // empty: config.textproto cannot be read
  std::string algorithm;
  std::string preset;
  std::string mode;
  std::string group;  // the same for runs whose configurations differ in the seed alone
  uint64_t seed = 0;
  int primitives = 0;
  int64_t total_steps = 0;
  int64_t replay_capacity = 0;
  int64_t batch_size = 0;
  double price_per_hour = 0.0;  // 0: not said
  std::optional<double> target_return;
  std::string commit;   // of the program; empty: no manifest.json
  std::string started;  // RFC 3339
  std::string host;
};

// The configuration in a run directory; null: it cannot be read, or is no regular file of at most
// 1 MiB.
std::shared_ptr<const RunConfig> ReadConfigOf(const std::string& directory);

// Of the directory as it is now.
RunFacts ReadRunFacts(const std::string& directory);

class RunFactsBook {
 public:
  // Between these two, Of; what is not asked for is forgotten.
  void BeginSearch() { before_.swap(now_); }
  void EndSearch() { before_.clear(); }
  const RunFacts& Of(const std::string& directory);

 private:
  struct Entry {
    std::string seen;  // of the two files: which they were, how large, when changed
    RunFacts facts;
  };
  std::map<std::string, Entry> now_, before_;
};

}  // namespace pmoe
