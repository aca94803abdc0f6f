// What a sweep file asks for: one training per variant and point of its grid, each checked as `pmoe
// train` would check it. Plain values and pure functions, but that LoadSweep reads files.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/config.pb.h"
#include "proto/sweep.pb.h"

namespace pmoe {

struct SweepRun {
  int index = 0;     // in the plan
  std::string name;  // of its folder: "pmoe_sac-s1"; a value stands for itself where its field is
                     // env.id or algorithm, "s3" is a seed, "learner.alpha=0.1" any other
  std::vector<std::string> values;  // of the plan's fields
  std::vector<std::string> words;   // of `pmoe train`, without its directory
  RunConfig config;                 // resolved
  // Those that differ in their seed alone have the same: the name with kSeedMark for the seed, and
  // the words without it. Empty: one process cannot train this run beside others.
  std::string family;
  std::vector<std::string> family_words;
};

struct SweepPlan {
  std::string file;                       // absolute
  std::string out;                        // as the file has it
  std::vector<std::string> fields;        // "variant" where there are any; of the grid's axes
  std::vector<SweepRun> runs;             // the last axis varies fastest
  std::vector<std::string> common_words;  // of `pmoe train`, what all runs have

  std::string Directory(const SweepRun& run) const;
  std::string FamilyPattern(const SweepRun& run) const;  // of Directory
  std::string Log(const SweepRun& run) const;
  // Of the process that trains the run beside others, and is named by it.
  std::string GroupLog(const SweepRun& run) const;
  std::string GroupReport(const SweepRun& run) const;
  // Holds how a failed run ended; gone when it is tried again.
  std::string FailureNote(const SweepRun& run) const;
  // "pendulum" of "sweeps/pendulum.textproto".
  std::string Name() const;
};

// InvalidArgumentError names the file, the field or the run, and the fix.
absl::StatusOr<SweepPlan> LoadSweep(const std::string& file);
// Only that it can be parsed.
absl::StatusOr<SweepFile> ReadSweepFile(const std::string& file);
absl::StatusOr<SweepPlan> MakeSweepPlan(const SweepFile& sweep, const std::string& file);

// At most; a typing error in a grid shall not fill a disk.
inline constexpr size_t kSweepRunsMax = 10'000;

}  // namespace pmoe
