// Where several runs lie that differ in their seed alone: a run directory DIR/seed_N each, and
// DIR/log.txt. DIR has no config.textproto of its own, and so is no run. Or where a pattern says:
// a path with kSeedMark in the place of the seed. Free functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace pmoe {

// In --out or --resume of several runs it stands for each one's seed: "runs/sac-s{seed}".
inline constexpr char kSeedMark[] = "{seed}";

// Does `path` have the mark, and so name a path per run?
bool IsSeedPattern(absl::string_view path);

// "DIR/seed_3"; of "runs/sac-s{seed}" it is "runs/sac-s3".
std::string SeedRunPath(const std::string& directory, uint64_t seed);

// Of the runs in `directory`, ascending; empty where there is none, or where it is a run itself.
std::vector<uint64_t> SeedsIn(const std::string& directory);

// For a command that takes one run: `directory` has no config.textproto. Where it holds runs of
// several seeds, NotFoundError says how to name one of them. `flag`: the one that named it, or "".
absl::Status NoRunIn(const std::string& directory, absl::string_view flag);

}  // namespace pmoe
