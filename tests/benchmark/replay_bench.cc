// bench replay: a table of 1e6 HalfCheetah rows. Append and sample over what memcpy does on a flat
// array of the same records; memory over the columns' own bytes.
#include <cstring>
#include <memory>
#include <vector>

#include "absl/base/optimization.h"
#include "common/base/rng.h"
#include "common/base/status_macros.h"
#include "replay/client/direct_client.h"
#include "replay/core/replay_shard.h"
#include "tests/benchmark/benchmarks.h"
#include "tests/benchmark/measure.h"
#include "tests/benchmark/transition_source.h"

namespace pmoe {
namespace {

constexpr int kObs = TransitionSource::kObs;
constexpr int kAction = TransitionSource::kAction;
constexpr int64_t kRows = 1'000'000;
constexpr int kBatch = 256;
constexpr int kRoundSteps = 1000;
// observation, action, reward, policy version as 32-bit words, two flags
constexpr double kRowPayload = 4.0 * (kObs + kAction + 2) + 2.0;
// with both observations, as other replays store and send it
constexpr double kTransitionPayload = 168.0;
constexpr size_t kStride = kObs + kAction + 3;

// What memcpy alone can do: records in one array, a ring without any bookkeeping.
class FlatArray {
 public:
  FlatArray() : rows_((kRows + 1) * kStride, 0.5f) {}

  void Append(const Chunk& chunk) {
    for (size_t i = 0; i < chunk.rows; ++i) {
      float* row = &rows_[next_ * kStride];
      std::memcpy(row, &chunk.observations[i * kObs], kObs * sizeof(float));
      std::memcpy(row + kObs, &chunk.actions[i * kAction], kAction * sizeof(float));
      row[kObs + kAction] = chunk.rewards[i];
      next_ = (next_ + 1) % kRows;
    }
  }

  void Gather(Rng* rng, Minibatch* batch) const {
    size_t draws[kBatch];
    for (size_t& draw : draws) {
      draw = rng->UniformInt(kRows);
      const char* at = reinterpret_cast<const char*>(&rows_[draw * kStride]);
      for (size_t line = 0; line < 2 * kStride * sizeof(float); line += ABSL_CACHELINE_SIZE) {
        __builtin_prefetch(at + line);
      }
    }
    for (size_t i = 0; i < kBatch; ++i) {
      const float* row = &rows_[draws[i] * kStride];
      std::memcpy(batch->obs() + i * kObs, row, kObs * sizeof(float));
      std::memcpy(batch->action() + i * kAction, row + kObs, kAction * sizeof(float));
      batch->reward()[i] = row[kObs + kAction];
      std::memcpy(batch->next_obs() + i * kObs, row + kStride, kObs * sizeof(float));
    }
  }

 private:
  std::vector<float> rows_;
  size_t next_ = 0;
};

ReplayShardOptions ShardOptions() {
  ReplayShardOptions options;
  options.spec = {kObs, kAction, 0};
  options.table.capacity = kRows;
  options.stage.actors = 1;
  options.stage.first_round = 1;
  return options;
}

// One round of a run: through the writer into the stage, then committed.
absl::Status WriteRound(TransitionSource* source, DirectTransitionWriter* writer,
                        ReplayShard* shard) {
  const uint64_t round = shard->next_round();
  for (int i = 0; i < kRoundSteps; ++i) {
    PMOE_RETURN_IF_ERROR(writer->Write(0, source->Next()));
  }
  PMOE_RETURN_IF_ERROR(writer->EndRound(round));
  return shard->Commit(round);
}

// `append` takes a chunk; making chunks is not on the clock.
template <typename Append>
absl::Status MeasureAppend(double seconds, TransitionSource* source, Append append,
                           std::vector<double>* rates) {
  constexpr int kChunks = 64;
  double used_s = 0.0, rows = 0.0;
  while (used_s < seconds) {
    std::vector<Chunk> chunks;
    for (int i = 0; i < kChunks; ++i) chunks.push_back(source->NextChunk());
    const double start_s = ThreadCpuSeconds();
    for (const Chunk& chunk : chunks) PMOE_RETURN_IF_ERROR(append(chunk));
    used_s += ThreadCpuSeconds() - start_s;
    rows += kChunks * kPageRows;
  }
  rates->push_back(rows / used_s);
  return absl::OkStatus();
}

struct Rates {
  std::vector<double> ours, limit;
  void AddTo(Report* report, const std::string& label) const {
    std::vector<double> ratios;
    for (size_t i = 0; i < ours.size(); ++i) ratios.push_back(ours[i] / limit[i]);
    report->Row(label, {Median(ours), Median(limit), Median(ratios)});
  }
};

}  // namespace

absl::Status BenchReplay(const BenchFlags& flags, Report* report) {
  PMOE_ASSIGN_OR_RETURN(std::unique_ptr<ReplayShard> shard, ReplayShard::Create(ShardOptions()));
  PMOE_ASSIGN_OR_RETURN(ReplayTable table,
                        ReplayTable::Create(ShardOptions().spec, ShardOptions().table));
  DirectTransitionWriterOptions writer_options;
  writer_options.chunks.first_round = 1;
  PMOE_ASSIGN_OR_RETURN(std::unique_ptr<DirectTransitionWriter> writer,
                        DirectTransitionWriter::Create(writer_options, shard.get()));
  TransitionSource run, chunks, flat_chunks;
  while (shard->inserted() < kRows) {
    PMOE_RETURN_IF_ERROR(WriteRound(&run, writer.get(), shard.get()));
  }
  while (table.inserted() < kRows) PMOE_RETURN_IF_ERROR(table.Append(chunks.NextChunk()));
  FlatArray flat;
  Minibatch batch({kObs, kAction, 0}, kBatch);
  Rng rng(1, RngRole::kReplay, 1);
  Rates append, write, sample;
  const double slice_s = flags.seconds / flags.rounds / 4.0;
  absl::Status status;
  for (int round = 0; round < flags.rounds; ++round) {
    PMOE_RETURN_IF_ERROR(MeasureAppend(
        slice_s, &chunks, [&](const Chunk& chunk) { return table.Append(chunk); }, &append.ours));
    const auto copy = [&](const Chunk& chunk) {
      flat.Append(chunk);
      return absl::OkStatus();
    };
    PMOE_RETURN_IF_ERROR(MeasureAppend(slice_s, &flat_chunks, copy, &append.limit));
    const auto write_round = [&] { status.Update(WriteRound(&run, writer.get(), shard.get())); };
    write.ours.push_back(kRoundSteps * CallsPerCpuSecond(slice_s, write_round));
    write.limit.push_back(append.limit.back());
    const auto draw = [&] { status.Update(shard->Sample(&batch)); };
    sample.ours.push_back(kBatch * CallsPerCpuSecond(slice_s, draw));
    PMOE_RETURN_IF_ERROR(status);
    sample.limit.push_back(kBatch * CallsPerCpuSecond(slice_s, [&] { flat.Gather(&rng, &batch); }));
  }
  report->Table("replay, 168 B transitions", {"rows_per_cpu_s", "memcpy_rows_per_cpu_s", "ratio"});
  append.AddTo(report, "append_chunks");
  write.AddTo(report, "write_stage_commit");
  sample.AddTo(report, "sample_b256");
  const ShardStats stats = shard->Stats();
  const double bytes = static_cast<double>(stats.bytes) / static_cast<double>(stats.size);
  report->Note("");
  report->Value("bytes_per_row", bytes);
  report->Value("bytes_over_columns", bytes / kRowPayload);
  report->Value("bytes_over_transitions", bytes / kTransitionPayload);
  return absl::OkStatus();
}

}  // namespace pmoe
