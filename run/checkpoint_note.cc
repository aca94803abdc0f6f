#include "run/checkpoint_note.h"

#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace pmoe {
namespace {

constexpr char kEpoch[] = "learner_epoch";
constexpr char kVersion[] = "policy_version";
constexpr char kTable[] = "table";

// The name of a table is the number of env steps at which it was saved.
bool IsTableName(absl::string_view text) {
  uint64_t number = 0;
  return text.empty() || absl::SimpleAtoi(text, &number);
}

}  // namespace

std::string CheckpointNoteText(const CheckpointNote& note) {
  return absl::StrCat(kEpoch, " ", note.learner_epoch, "\n", kVersion, " ", note.policy_version,
                      "\n", kTable, " ", note.table, "\n");
}

std::optional<CheckpointNote> ParseCheckpointNote(const std::string& text) {
  const std::vector<std::string> lines = absl::StrSplit(text, '\n');
  if (lines.size() != 4 || !lines[3].empty()) return std::nullopt;
  std::vector<std::string> values;
  for (const char* name : {kEpoch, kVersion, kTable}) {
    const std::pair<std::string, std::string> words =
        absl::StrSplit(lines[values.size()], absl::MaxSplits(' ', 1));
    if (words.first != name) return std::nullopt;
    values.push_back(words.second);
  }
  CheckpointNote note;
  if (!absl::SimpleAtoi(values[0], &note.learner_epoch) ||
      !absl::SimpleAtoi(values[1], &note.policy_version) || !IsTableName(values[2])) {
    return std::nullopt;
  }
  note.table = values[2];
  return note;
}

}  // namespace pmoe
