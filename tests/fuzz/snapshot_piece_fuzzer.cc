// Feeds the pieces that a learner sends, one LearnerMessage after the other, to the assembler; each
// is preceded by its length in two bytes. What it accepts must be one of the versions said.
#include <algorithm>
#include <cstdint>

#include "control/wire/run_messages.h"
#include "control/wire/snapshot_assembler.h"
#include "proto/run.pb.h"

namespace pmoe {
namespace {

void Check(const uint8_t* data, size_t size) {
  SnapshotAssembler assembler;
  while (size >= 2) {
    const size_t length = std::min<size_t>(data[0] + 256u * data[1], size - 2);
    LearnerMessage message;
    const bool parsed = message.ParseFromArray(data + 2, static_cast<int>(length));
    data += 2 + length;
    size -= 2 + length;
    if (!parsed) continue;
    if (message.has_directive()) FromMessage(message.directive()).status().IgnoreError();
    if (!message.has_snapshot()) continue;
    const auto snapshot = assembler.Add(message.snapshot());
    if (snapshot.ok() && *snapshot != nullptr &&
        (*snapshot)->version != message.snapshot().version()) {
      __builtin_trap();
    }
  }
}

}  // namespace
}  // namespace pmoe

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  google::protobuf::SetLogHandler(nullptr);  // every string that is not UTF-8
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  pmoe::Check(data, size);
  return 0;
}
