// Where something stands in a task file, for what is found to be wrong after the parsing. A value
// that borrows the file's name and locations.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"
#include "google/protobuf/text_format.h"
#include "proto/task.pb.h"

namespace pmoe {

using TaskLocations = google::protobuf::TextFormat::ParseInfoTree;

struct Place {
  absl::string_view file;
  std::string path;                // "observation[2].slice"; empty: the whole file
  const TaskLocations* locations;  // of its fields; null where the parser has none
  int line = 0;                    // from 0

  // Of the field `name` of `message`, which stands here; its `index`-th value, -1: not repeated.
  Place Field(const google::protobuf::Message& message, const std::string& name,
              int index = -1) const;
  // InvalidArgumentError "file:line: path: what".
  absl::Status Error(absl::string_view what) const;
};

// min <= max, and finite where `bounded`.
absl::Status CheckInterval(const Interval& interval, const Place& place, bool bounded);
// 0 <= min <= max <= limit, both whole numbers.
absl::Status CheckSteps(const Interval& interval, const Place& place, int limit);

}  // namespace pmoe
