// Any bytes as the small texts of a run: what stands beside a checkpoint, and a list of seeds. What
// is taken must say the same again.
#include <cstdint>
#include <string>

#include "common/config/seed_list.h"
#include "run/checkpoint_note.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  if (const auto note = pmoe::ParseCheckpointNote(bytes)) {
    const std::string text = pmoe::CheckpointNoteText(*note);
    const auto again = pmoe::ParseCheckpointNote(text);
    if (!again || pmoe::CheckpointNoteText(*again) != text) __builtin_trap();
  }
  if (const auto seeds = pmoe::ParseSeeds(bytes); seeds.ok() && seeds->empty()) {
    __builtin_trap();
  }
  return 0;
}
