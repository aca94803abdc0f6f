// Feeds the reader of saved tables: the input as a file, and as changes to a good file whose
// checksums are then made right again.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "common/base/crc32c.h"
#include "common/base/file.h"
#include "replay/core/sequence.h"
#include "tests/fuzz/fuzzed_shard.h"

namespace pmoe {
namespace {

// Minibatches that spend rows, or none.
void Sample(ReplayShard* shard, int times) {
  Minibatch batch(kFuzzedSpec, 8, shard->prioritized());
  for (int i = 0; i < times && shard->Sample(&batch).ok(); ++i) {
  }
}

// A few pages, or rows and a rollout, an ended episode, an open one, a staged chunk.
std::string GoodFile(Kind kind) {
  const std::string path = "/tmp/replay_table_fuzzer." + std::to_string(::getpid());
  const auto shard = MakeShard(kind);
  (void)shard->Insert(MakeChunk(0, 0, 60, true), kNow);
  (void)shard->Insert(MakeChunk(1, 60, 20, false), kNow);
  (void)shard->Stage(MakeChunk(2, 80, 2, false));
  if (kind == Kind::kOnPolicy) (void)shard->TakeRollout({1, 1}, {.steps = 10}, kNow);
  if (kind == Kind::kSpent) Sample(shard.get(), 7);
  if (!shard->Save(path).ok()) __builtin_trap();
  std::string bytes = *ReadFile(path);
  ::unlink(path.c_str());
  return bytes;
}

void MendChecksums(std::string* bytes) {
  constexpr size_t kHead = 12;  // u32 type, u64 length
  for (size_t at = 8; at + kHead + 4 <= bytes->size();) {
    uint64_t length = 0;
    std::memcpy(&length, bytes->data() + at + 4, sizeof(length));
    if (length > bytes->size() - at - kHead - 4) return;
    const uint32_t crc = Crc32c(absl::string_view(*bytes).substr(at, kHead + length));
    std::memcpy(bytes->data() + at + kHead + length, &crc, sizeof(crc));
    at += kHead + length + 4;
  }
}

// Whatever loads must be safe to use.
void CheckLoad(const std::string& bytes) {
  const int fd = ::memfd_create("table", 0);
  if (::write(fd, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
    __builtin_trap();
  }
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  const auto queues = MakeShard(Kind::kOnPolicy);
  if (queues->Load(path).ok()) {
    Rollout rollout;
    (void)queues->Insert(MakeChunk(2, 80, 20, false), kNow);
    if (queues->TakeRollout({.steps = 60}, &rollout, kNow).ok() && !ValidateRollout(rollout).ok()) {
      __builtin_trap();
    }
    (void)queues->TakeRollout({1, 1}, {.steps = 10}, kNow);
  }
  for (const Kind kind : {Kind::kUniform, Kind::kPrioritized, Kind::kSpent}) {
    const auto shard = MakeShard(kind);
    if (!shard->Load(path).ok()) continue;
    Minibatch batch(kFuzzedSpec, 8, shard->prioritized());
    Minibatch sequences(kFuzzedSpec, {8, 70, shard->prioritized()});
    (void)shard->Sample(&batch);
    if (shard->Sample(&sequences).ok() && !CheckSequences(sequences, 0, 8).ok()) __builtin_trap();
    (void)shard->Insert(MakeChunk(2, 80, 64, false), kNow);
    if (kind == Kind::kSpent) Sample(shard.get(), 40);
    if (!shard->Sample(&batch).ok() || !shard->prioritized()) continue;
    (void)shard->UpdatePriorities({batch.key(), 8}, std::vector<float>(8, 1.0f));
  }
  const auto table = ReplayTable::FromFile(path);
  float sum = 0.0f;
  if (table.ok()) {
    table->VisitSteps([&sum](const StoredStep& row) { sum += row.transition.next_obs.back(); });
  }
  ::close(fd);
}

}  // namespace
}  // namespace pmoe

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::string goods[] = {
      pmoe::GoodFile(pmoe::Kind::kUniform), pmoe::GoodFile(pmoe::Kind::kPrioritized),
      pmoe::GoodFile(pmoe::Kind::kSpent), pmoe::GoodFile(pmoe::Kind::kOnPolicy)};
  std::string input(reinterpret_cast<const char*>(data), size);
  pmoe::MendChecksums(&input);
  pmoe::CheckLoad(input);
  // Three bytes of input put one byte somewhere.
  for (std::string changed : goods) {
    for (size_t i = 0; i + 3 <= size; i += 3) {
      changed[(data[i] + 256u * data[i + 1]) % changed.size()] = static_cast<char>(data[i + 2]);
    }
    pmoe::MendChecksums(&changed);
    pmoe::CheckLoad(changed);
  }
  return 0;
}
