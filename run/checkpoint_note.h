// What stands beside the state of a checkpoint, in checkpoints/<env steps>/about.txt: what the run
// must never count below again, and the saved table that belongs to it. Apart from the state, whose
// bits are the same however often the run was stopped. Free functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace pmoe {

struct CheckpointNote {
  uint64_t learner_epoch = 0;   // of the learner that wrote it
  uint64_t policy_version = 0;  // the highest that was published
  std::string table{};          // the newest saved table by then; empty: none
};

// "learner_epoch 2\npolicy_version 41\ntable 20000\n"
std::string CheckpointNoteText(const CheckpointNote& note);
// nullopt: not such a text.
std::optional<CheckpointNote> ParseCheckpointNote(const std::string& text);

}  // namespace pmoe
