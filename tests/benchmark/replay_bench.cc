// bench replay: a table of 1e6 HalfCheetah rows. Append and sample over what memcpy does on a flat
// array of the same records; memory over the columns' own bytes.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/optimization.h"
#include "common/base/rng.h"
#include "common/base/status_macros.h"
#include "common/base/stopwatch.h"
#include "replay/client/direct_writer.h"
#include "replay/core/replay_shard.h"
#include "replay/log/log_reader.h"
#include "replay/log/segment_log.h"
#include "tests/benchmark/benchmarks.h"
#include "tests/benchmark/measure.h"
#include "tests/benchmark/scratch_folder.h"
#include "tests/benchmark/transition_source.h"

namespace pmoe {
namespace {

constexpr int kObs = TransitionSource::kObs;
constexpr int kAction = TransitionSource::kAction;
constexpr int64_t kRows = 1'000'000;
constexpr int kBatch = 256;
constexpr int kRoundSteps = 1000;
constexpr std::chrono::milliseconds kNoWait{0};
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

// As a writer numbers them.
Chunk NextNumbered(TransitionSource* source) {
  Chunk chunk = source->NextChunk();
  chunk.seq = chunk.first_step / kPageRows;
  return chunk;
}

// What others wait while a checkpoint is written, and how long a table takes to come back.
struct Stall {
  std::vector<double> insert_ms, sample_ms, save_s, restore_s, restore_log_s;
};

double Percentile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0.0 : values[static_cast<size_t>(share * (values.size() - 1))];
}

template <typename Work>
void Time(std::vector<double>* times, double unit, Work work) {
  Stopwatch watch;
  work();
  times->push_back(watch.Elapsed() * unit);
}

absl::Status MeasureSave(ReplayShard* shard, const std::string& path, TransitionSource* source,
                         Stall* stall) {
  absl::Status saved, status;
  std::atomic<bool> done{false};
  std::thread save([&] {
    Time(&stall->save_s, 1.0, [&] { saved = shard->Save(path, /*number=*/1); });
    done = true;
  });
  Minibatch batch({kObs, kAction, 0}, kBatch);
  while (!done && status.ok()) {
    const Chunk chunk = NextNumbered(source);
    Time(&stall->insert_ms, 1e3, [&] { status.Update(shard->Insert(chunk, kNoWait)); });
    Time(&stall->sample_ms, 1e3, [&] { status.Update(shard->Sample(&batch)); });
  }
  save.join();
  status.Update(saved);
  return status;
}

absl::Status MeasureRestore(const std::string& dir, const std::string& table, Stall* stall) {
  PMOE_ASSIGN_OR_RETURN(std::unique_ptr<ReplayShard> shard, ReplayShard::Create(ShardOptions()));
  absl::Status status;
  Time(&stall->restore_s, 1.0, [&] { status = shard->Load(table); });
  PMOE_RETURN_IF_ERROR(status);
  PMOE_ASSIGN_OR_RETURN(shard, ReplayShard::Create(ShardOptions()));
  const LogVisitor apply = {
      .record = [&](uint64_t position, absl::string_view, absl::string_view record) {
        return shard->Apply(record, position);
      }};
  absl::StatusOr<LogScan> scan;
  Time(&stall->restore_log_s, 1.0, [&] { scan = ReadLog(dir, std::nullopt, apply); });
  PMOE_RETURN_IF_ERROR(scan.status());
  if (shard->inserted() >= kRows) return absl::OkStatus();
  return absl::InternalError("the log did not give all rows");
}

// A full table whose rows all came through a log.
absl::Status BenchCheckpoints(const BenchFlags& flags, Report* report) {
  const ScratchFolder folder;
  const auto log = SegmentLog::Start({.dir = folder.path()});
  PMOE_ASSIGN_OR_RETURN(std::unique_ptr<ReplayShard> shard, ReplayShard::Create(ShardOptions()));
  TransitionSource source;
  shard->StartJournal(log.get(), /*begins=*/true);
  while (shard->inserted() < kRows) {
    PMOE_RETURN_IF_ERROR(shard->Insert(NextNumbered(&source), kNoWait));
    PMOE_RETURN_IF_ERROR(log->AwaitAck([] { return false; }));
  }
  const std::string table = folder.path() + "/bench.table";
  PMOE_RETURN_IF_ERROR(shard->Save(table, /*number=*/1));
  while (log->stats().on_disk < log->end()) Clock::Real()->Sleep(std::chrono::milliseconds(10));
  Stall stall;
  for (int round = 0; round < flags.rounds; ++round) {
    PMOE_RETURN_IF_ERROR(MeasureRestore(folder.path(), table, &stall));
  }
  for (int round = 0; round < flags.rounds; ++round) {
    PMOE_RETURN_IF_ERROR(MeasureSave(shard.get(), table, &source, &stall));
  }
  report->Table("while a checkpoint of 1e6 rows is written", {"p50_ms", "p99_ms", "max_ms"});
  for (const auto& [name, times] :
       {std::pair{"insert_64", &stall.insert_ms}, std::pair{"sample_b256", &stall.sample_ms}}) {
    report->Row(name, {Percentile(*times, 0.5), Percentile(*times, 0.99), Percentile(*times, 1.0)});
  }
  report->Note("");
  report->Value("checkpoint_s", Median(stall.save_s));
  report->Value("restore_table_s", Median(stall.restore_s));
  report->Value("restore_log_s", Median(stall.restore_log_s));
  return absl::OkStatus();
}

// The same rows by priority: what a draw and an update of 256 of them cost.
absl::Status BenchPriorities(const BenchFlags& flags, Report* report) {
  ReplayShardOptions options = ShardOptions();
  options.table.priority = PriorityOptions{};
  PMOE_ASSIGN_OR_RETURN(std::unique_ptr<ReplayShard> shard, ReplayShard::Create(options));
  TransitionSource source;
  while (shard->inserted() < kRows) {
    PMOE_RETURN_IF_ERROR(shard->Insert(NextNumbered(&source), kNoWait));
  }
  constexpr size_t kUpdates = 4096;  // whose rows are no longer in the caches when they come again
  Minibatch batch({kObs, kAction, 0}, kBatch, /*prioritized=*/true);
  std::vector<RowKey> keys;
  std::vector<float> errors;
  Rng rng(1, RngRole::kReplay, 1);
  for (size_t i = 0; i < kUpdates; ++i) {
    PMOE_RETURN_IF_ERROR(shard->Sample(&batch));
    keys.insert(keys.end(), batch.key(), batch.key() + kBatch);
    for (int row = 0; row < kBatch; ++row) errors.push_back(4.0f * rng.UniformFloat());
  }
  const double slice_s = flags.seconds / flags.rounds / 2.0;
  std::vector<double> sample, update;
  absl::Status status;
  size_t next = 0;
  for (int round = 0; round < flags.rounds; ++round) {
    update.push_back(
        kBatch * CallsPerCpuSecond(slice_s, [&] {
          const size_t at = next++ % kUpdates * kBatch;
          status.Update(shard->UpdatePriorities({&keys[at], kBatch}, {&errors[at], kBatch}));
        }));
    const auto draw = [&] { status.Update(shard->Sample(&batch)); };
    sample.push_back(kBatch * CallsPerCpuSecond(slice_s, draw));
    PMOE_RETURN_IF_ERROR(status);
  }
  report->Table("1e6 rows by priority", {"rows_per_cpu_s"});
  report->Row("sample_b256", {Median(sample)});
  report->Row("update_b256", {Median(update)});
  return absl::OkStatus();
}

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
  PMOE_RETURN_IF_ERROR(BenchPriorities(flags, report));
  return BenchCheckpoints(flags, report);
}

}  // namespace pmoe
