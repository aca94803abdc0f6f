// Feeds the reader of a shard's log: the input as a segment, and as changes to the records of a
// good log, which are then applied with checksums that hold.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "replay/core/journal.h"
#include "replay/log/segment_format.h"
#include "tests/fuzz/fuzzed_shard.h"

namespace pmoe {
namespace {

class RecordList : public Journal {
 public:
  void Append(std::string record) override { records_.push_back(std::move(record)); }
  uint64_t end() const override { return records_.size(); }
  const std::vector<std::string>& records() const { return records_; }

 private:
  std::vector<std::string> records_;
};

std::vector<std::string> GoodLog(bool on_policy) {
  RecordList list;
  const auto shard = MakeShard(on_policy ? Kind::kOnPolicy : Kind::kUniform);
  shard->StartJournal(&list, /*begins=*/true);
  (void)shard->ResumeInsert({.first_seq_held = 1, .rows_acked = 5});
  (void)shard->Insert(MakeChunk(1, 5, 60), kNow);
  (void)shard->Insert(MakeChunk(2, 65, 20), kNow);
  (void)shard->Refuse({.seq = 3, .rows = 5});
  Minibatch batch(kFuzzedSpec, 8);
  (void)shard->Sample(&batch);
  if (on_policy) (void)shard->TakeRollout({1, 1}, {.steps = 10, .version_min = 0}, kNow);
  shard->CutActor(0, 0, 0);
  (void)shard->Insert(MakeChunk(4, 90, 10), kNow);
  return list.records();
}

// Whatever can be applied must leave a shard that is safe to use.
void Apply(const std::vector<std::string>& records) {
  for (const bool on_policy : {false, true}) {
    const auto shard = MakeShard(on_policy ? Kind::kOnPolicy : Kind::kUniform);
    uint64_t position = 0;
    for (const std::string& record : records) {
      if (!shard->Apply(record, position++).ok()) break;
    }
    Minibatch batch(kFuzzedSpec, 8);
    (void)shard->Sample(&batch);
    Rollout rollout;
    const auto taken = shard->TakeRollout({.steps = 10}, &rollout, kNow);
    if (taken.ok() && !ValidateRollout(rollout).ok()) __builtin_trap();
    (void)shard->Explain();
  }
}

void ReadSegment(absl::string_view bytes) {
  std::vector<std::string> records;
  const auto head = DecodeSegmentHead(bytes);
  bytes.remove_prefix(head.ok() ? head->bytes : 0);
  while (!bytes.empty()) {
    const Frame frame = ParseFrame(bytes);
    if (frame.kind == Frame::kCut) break;
    if (frame.kind == Frame::kWhole) records.emplace_back(frame.record);
    bytes.remove_prefix(frame.bytes);
  }
  Apply(records);
  (void)PositionOfSegment(bytes);
}

}  // namespace
}  // namespace pmoe

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<std::string> goods[] = {pmoe::GoodLog(false), pmoe::GoodLog(true)};
  const std::string input(reinterpret_cast<const char*>(data), size);
  pmoe::ReadSegment(input);
  pmoe::Apply({input});
  // Three bytes of input put one byte somewhere in one record, as often as there are some.
  for (std::vector<std::string> changed : goods) {
    for (size_t i = 0; i + 3 <= size; i += 3) {
      std::string& record = changed[data[i] % changed.size()];
      record[data[i + 1] % record.size()] = static_cast<char>(data[i + 2]);
    }
    pmoe::Apply(changed);
  }
  return 0;
}
