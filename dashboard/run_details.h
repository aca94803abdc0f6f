// A run closer up, for the table of runs: how it was begun, its videos, and in what runs differ.
// Free functions; what cannot be read is left out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "dashboard/run_catalog.h"

namespace pmoe {

struct RunVideo {
  std::string name;  // "best.mp4"
  int64_t bytes = 0;
};

// The regular files videos/*.mp4 of a run, by name; at most 100.
std::vector<RunVideo> VideosOf(const std::string& directory);

// At most `count` bytes of a video from `first` on, and how many it has in all; nullopt: it has no
// video of that name, or the piece lies behind its end.
struct VideoPiece {
  std::string bytes;
  int64_t total = 0;
};
std::optional<VideoPiece> ReadVideo(const std::string& directory, absl::string_view name,
                                    int64_t first, int64_t count);

// {"command": ["pmoe", "train", "--env", ...], "videos": [{"name": ..., "bytes": ...}]}: the words
// that begin a run like this one anew.
std::string DetailsJson(const RunEntry& run);

// {"runs": ["id", ...], "settings": [{"path": "learner.gamma", "values": ["0.99", ...]}, ...]}:
// settings that their algorithms read and that are not alike in all of these; null: unset or not
// read. Runs whose configuration cannot be read are left out.
std::string DifferencesJson(const std::vector<RunEntry>& runs);

}  // namespace pmoe
