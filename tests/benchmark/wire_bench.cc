// bench wire: rows of HalfCheetah to a replay shard and minibatches back, client and server in this
// process over a unix socket, over bare gRPC streams that carry as many bytes. Both ends' CPU time
// counts.
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/rpc/server.h"
#include "replay/client/rpc_control.h"
#include "replay/client/rpc_writer.h"
#include "replay/client/sharded_sampler.h"
#include "replay/service/replay_service.h"
#include "replay/wire/batch_codec.h"
#include "replay/wire/chunk_codec.h"
#include "tests/benchmark/benchmarks.h"
#include "tests/benchmark/measure.h"
#include "tests/benchmark/raw_streams.h"
#include "tests/benchmark/scratch_folder.h"
#include "tests/benchmark/transition_source.h"

namespace pmoe {
namespace {

constexpr TableSpec kSpec{.obs_dim = TransitionSource::kObs,
                          .action_dim = TransitionSource::kAction};
constexpr int64_t kRows = 200'000;
constexpr int kBatch = 256;
constexpr int kSampleInFlight = 4;   // as ShardedSampler's
constexpr int kInsertInFlight = 32;  // chunks, as a shard's credits
constexpr std::chrono::seconds kTimeout{60};

RpcControlOptions ControlOptions() {
  RpcControlOptions options;
  options.run_id = "bench";
  options.spec = kSpec;
  options.capacity = kRows;
  return options;
}

// A shard that is served, filled, and asked over its socket.
class Wire {
 public:
  absl::Status Start() {
    if (folder_.path().empty()) return absl::InternalError("cannot make a folder in /tmp");
    PMOE_ASSIGN_OR_RETURN(const RpcAddress address, Socket("replay"));
    PMOE_ASSIGN_OR_RETURN(server_, RpcServer::Start(address, {&service_}));
    RpcReplayControl control(ControlOptions());
    control.SetShardAddress(0, address);
    PMOE_RETURN_IF_ERROR(control.CreateTable(0, ""));
    RpcWriterOptions options;
    options.run_id = ControlOptions().run_id;
    options.spec = kSpec;
    PMOE_ASSIGN_OR_RETURN(writer_, RpcTransitionWriter::Create(options, address));
    while (service_.Counts().inserted < kRows) PMOE_RETURN_IF_ERROR(Insert());
    sampler_.SetAddress(0, address);
    PMOE_ASSIGN_OR_RETURN(const RpcAddress raw_address, Socket("raw"));
    PMOE_ASSIGN_OR_RETURN(raw_, RawStreams::Start(raw_address));
    return Sample();
  }

  static constexpr int kInsertRows = 64 * kPageRows;
  absl::Status Insert() {
    for (int i = 0; i < kInsertRows; ++i) PMOE_RETURN_IF_ERROR(writer_->Write(0, source_.Next()));
    return absl::OkStatus();
  }
  absl::Status InsertRaw() {
    return raw_->Send(kInsertRows / kPageRows, chunk_bytes_, kInsertInFlight);
  }

  static constexpr int kSampleBatches = 16;
  absl::Status Sample() {
    sampler_.Expect(kSampleBatches);
    for (int i = 0; i < kSampleBatches; ++i) PMOE_RETURN_IF_ERROR(sampler_.Next(kTimeout).status());
    return absl::OkStatus();
  }
  absl::Status SampleRaw() {
    return raw_->Receive(kSampleBatches, PackedBytes(kSpec, kBatch), kSampleInFlight);
  }

 private:
  absl::StatusOr<RpcAddress> Socket(const std::string& name) const {
    return ParseRpcAddress(absl::StrCat("unix:", folder_.path(), "/", name), "TMPDIR");
  }
  static size_t ChunkBytes() {
    InsertRequest request;
    EncodeChunk(TransitionSource().NextChunk(), request.add_chunks());
    return request.ByteSizeLong();
  }

  const size_t chunk_bytes_ = ChunkBytes();
  const ScratchFolder folder_;
  ReplayServer service_{folder_.path()};
  std::unique_ptr<RpcServer> server_;
  TransitionSource source_;
  std::unique_ptr<RpcTransitionWriter> writer_;
  ShardedSampler sampler_{ControlOptions(), kBatch};
  std::unique_ptr<RawStreams> raw_;
};

// `work` handles `rows` rows; the CPU time of all threads counts.
template <typename Work>
absl::Status Measure(double seconds, double rows, Work work, std::vector<double>* rates) {
  const double start_s = ProcessCpuSeconds();
  double used_s = 0.0, done = 0.0;
  for (; used_s < seconds; used_s = ProcessCpuSeconds() - start_s) {
    PMOE_RETURN_IF_ERROR(work());
    done += rows;
  }
  rates->push_back(done / used_s);
  return absl::OkStatus();
}

struct Rates {
  std::vector<double> ours, raw;
  void AddTo(Report* report, const std::string& label) const {
    report->Row(label, {Median(ours), Median(raw), MedianRatio(ours, raw)});
  }
};

}  // namespace

absl::Status BenchWire(const BenchFlags& flags, Report* report) {
  Wire wire;
  PMOE_RETURN_IF_ERROR(wire.Start());
  Rates insert, sample;
  const double slice_s = flags.seconds / flags.rounds / 2.0;
  constexpr double kSampleRows = Wire::kSampleBatches * kBatch;
  for (int round = 0; round < flags.rounds; ++round) {
    const auto measure = [slice_s](double rows, auto work, std::vector<double>* rates) {
      return Measure(slice_s, rows, work, rates);
    };
    PMOE_RETURN_IF_ERROR(measure(
        Wire::kInsertRows, [&] { return wire.Insert(); }, &insert.ours));
    PMOE_RETURN_IF_ERROR(measure(
        Wire::kInsertRows, [&] { return wire.InsertRaw(); }, &insert.raw));
    PMOE_RETURN_IF_ERROR(measure(
        kSampleRows, [&] { return wire.Sample(); }, &sample.ours));
    PMOE_RETURN_IF_ERROR(measure(
        kSampleRows, [&] { return wire.SampleRaw(); }, &sample.raw));
  }
  report->Table("wire, HalfCheetah rows", {"rows_per_cpu_s", "grpc_rows_per_cpu_s", "ratio"});
  insert.AddTo(report, "insert_chunks_of_64");
  sample.AddTo(report, "sample_b256");
  return absl::OkStatus();
}

}  // namespace pmoe
