// bench wire: rows of HalfCheetah to a replay shard and minibatches back, client and server in this
// process over a unix socket, over bare gRPC streams that carry as many bytes; then over a unix
// socket, plain TCP and mutual TLS, and under each durability; then writers that write nothing.
// Both ends' CPU time counts.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "cli/certificates.h"
#include "common/base/clock.h"
#include "common/base/status_macros.h"
#include "common/rpc/server.h"
#include "common/tls/seat_key.h"
#include "proto/run.pb.h"
#include "replay/client/rpc_control.h"
#include "replay/client/rpc_writer.h"
#include "replay/client/sharded_sampler.h"
#include "replay/service/replay_service.h"
#include "replay/wire/batch_codec.h"
#include "replay/wire/chunk_codec.h"
#include "replay/wire/table_request.h"
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
constexpr double kGigabyte = 1e9;

// How the two sides reach each other, and who each of them is.
struct Link {
  RpcAddress address;
  RpcSecurity replay, actor, learner;
};

absl::StatusOr<Link> UnixLink(const ScratchFolder& folder) {
  Link link;
  PMOE_ASSIGN_OR_RETURN(link.address, ParseRpcAddress("unix:" + folder.path() + "/s", "TMPDIR"));
  return link;
}

absl::StatusOr<Link> PlainLink() {
  Link link;
  link.replay = link.actor = link.learner = RpcSecurity::InsecureLoopback();
  PMOE_ASSIGN_OR_RETURN(link.address, link.replay.ParseAddress("127.0.0.1:0", "the benchmark"));
  return link;
}

absl::StatusOr<Link> TlsLink(const ScratchFolder& folder) {
  CertificateOptions options;
  options.out = folder.path() + "/certs";
  PMOE_RETURN_IF_ERROR(InitCertificates(options, absl::Now()).status());
  PMOE_ASSIGN_OR_RETURN(Link link, PlainLink());
  for (const auto& [security, role] :
       {std::pair{&link.replay, "/replay"}, {&link.actor, "/actor"}, {&link.learner, "/learner"}}) {
    PMOE_ASSIGN_OR_RETURN(*security, RpcSecurity::FromFolder(options.out + role));
  }
  return link;
}

RpcReplayOptions ControlOptions(const Link& link) {
  RpcReplayOptions options;
  options.security = link.learner;
  options.learner.set_run_id("bench");
  *options.table.mutable_columns() = ColumnsOf(kSpec);
  options.table.set_capacity(kRows);
  options.table.set_n_step(1);
  options.table.set_gamma(1.0);
  return options;
}

// A shard that is served, filled, and asked over its link.
class Wire {
 public:
  absl::Status Start(const Link& link, Durability durability = DURABILITY_NONE,
                     size_t chunks_max = 0) {
    if (folder_.path().empty()) return absl::InternalError("cannot make a folder in /tmp");
    PMOE_ASSIGN_OR_RETURN(server_, RpcServer::Start(link.address, {&service_}, link.replay));
    const RpcAddress& address = server_->address();
    RpcReplayOptions control_options = ControlOptions(link);
    control_options.table.set_durability(durability);
    RpcReplayControl control(control_options);
    control.SetShardAddress(0, address);
    PMOE_RETURN_IF_ERROR(control.CreateTable(0, ""));
    RpcWriterOptions options;
    options.run_id = ControlOptions(link).learner.run_id();
    options.seat_signature = SeatKey("").Sign({options.run_id, RUN_ROLE_ACTOR, 0, 0});
    options.security = link.actor;
    options.spec = kSpec;
    options.keep_fresh = chunks_max == 0;  // as an actor's
    if (chunks_max > 0) options.chunks_max = chunks_max;
    PMOE_ASSIGN_OR_RETURN(writer_, RpcTransitionWriter::Create(options, address));
    while (service_.Counts().inserted < kRows) PMOE_RETURN_IF_ERROR(Insert());
    sampler_ = std::make_unique<ShardedSampler>(ControlOptions(link), kBatch);
    sampler_->SetAddress(0, address);
    return Sample();
  }
  // Beside it, over a unix socket.
  absl::Status StartRaw() {
    PMOE_ASSIGN_OR_RETURN(const RpcAddress address,
                          ParseRpcAddress("unix:" + folder_.path() + "/raw", "TMPDIR"));
    PMOE_ASSIGN_OR_RETURN(raw_, RawStreams::Start(address));
    return absl::OkStatus();
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
    sampler_->Expect(kSampleBatches);
    for (int i = 0; i < kSampleBatches; ++i) {
      PMOE_RETURN_IF_ERROR(sampler_->Next(kTimeout).status());
    }
    return absl::OkStatus();
  }
  absl::Status SampleRaw() {
    return raw_->Receive(kSampleBatches, PackedBytes(kSpec, kBatch), kSampleInFlight);
  }

  // Of one environment more, that has sent a chunk and has nothing more to say.
  absl::StatusOr<std::unique_ptr<RpcTransitionWriter>> IdleWriter(const Link& link,
                                                                  uint32_t actor) const {
    RpcWriterOptions options;
    options.run_id = ControlOptions(link).learner.run_id();
    options.chunks.actor = actor;
    options.seat_signature = SeatKey("").Sign({options.run_id, RUN_ROLE_ACTOR, actor, 0});
    options.security = link.actor;
    options.spec = kSpec;
    PMOE_ASSIGN_OR_RETURN(std::unique_ptr<RpcTransitionWriter> writer,
                          RpcTransitionWriter::Create(options, server_->address()));
    TransitionSource source;
    for (int i = 0; i < kPageRows; ++i) PMOE_RETURN_IF_ERROR(writer->Write(0, source.Next()));
    return writer;
  }
  uint32_t writers() const { return service_.Stats().writers(); }

  double insert_row_bytes() const { return static_cast<double>(chunk_bytes_) / kPageRows; }
  double sample_row_bytes() const {
    return static_cast<double>(PackedBytes(kSpec, kBatch)) / kBatch;
  }

 private:
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
  std::unique_ptr<ShardedSampler> sampler_;
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

// The same rows over each transport, a round of each after the other.
absl::Status CompareTransports(const BenchFlags& flags, Report* report) {
  const ScratchFolder folder;
  PMOE_ASSIGN_OR_RETURN(const Link over_unix, UnixLink(folder));
  PMOE_ASSIGN_OR_RETURN(const Link over_tcp, PlainLink());
  PMOE_ASSIGN_OR_RETURN(const Link over_tls, TlsLink(folder));
  struct Transport {
    const char* name;
    const Link& link;
    Wire wire;
    std::vector<double> insert, sample;  // rows per CPU-second
  } transports[] = {{"unix", over_unix, {}, {}, {}},
                    {"tcp", over_tcp, {}, {}, {}},
                    {"tls", over_tls, {}, {}, {}}};
  for (Transport& at : transports) PMOE_RETURN_IF_ERROR(at.wire.Start(at.link));
  const double slice_s = flags.seconds / flags.rounds / 2.0;
  for (int round = 0; round < flags.rounds; ++round) {
    for (Transport& at : transports) {
      PMOE_RETURN_IF_ERROR(Measure(
          slice_s, Wire::kInsertRows, [&] { return at.wire.Insert(); }, &at.insert));
      PMOE_RETURN_IF_ERROR(Measure(
          slice_s, Wire::kSampleBatches * kBatch, [&] { return at.wire.Sample(); }, &at.sample));
    }
  }
  report->Table("transports", {"insert_rows_per_cpu_s", "insert_cpu_s_per_gb",
                               "sample_rows_per_cpu_s", "sample_cpu_s_per_gb"});
  for (const Transport& at : transports) {
    const double insert = Median(at.insert), sample = Median(at.sample);
    report->Row(at.name, {insert, kGigabyte / (insert * at.wire.insert_row_bytes()), sample,
                          kGigabyte / (sample * at.wire.sample_row_bytes())});
  }
  return absl::OkStatus();
}

// The same rows under each promise, a round of each after the other; the log lies in TMPDIR.
// "_by_256": of a writer that gets no further while 256 rows are not acknowledged.
absl::Status CompareDurabilities(const BenchFlags& flags, Report* report) {
  constexpr size_t kChunks = 256 / kPageRows;
  struct Promise {
    const char* name;
    Durability durability;
    size_t chunks_max;  // 0: the writer's own
    ScratchFolder folder;
    Wire wire;
    std::vector<double> insert;  // rows per CPU-second
  } promises[] = {{"none", DURABILITY_NONE, 0, {}, {}, {}},
                  {"async", DURABILITY_ASYNC, 0, {}, {}, {}},
                  {"wal", DURABILITY_WAL, 0, {}, {}, {}},
                  {"none_by_256", DURABILITY_NONE, kChunks, {}, {}, {}},
                  {"async_by_256", DURABILITY_ASYNC, kChunks, {}, {}, {}},
                  {"wal_by_256", DURABILITY_WAL, kChunks, {}, {}, {}}};
  for (Promise& at : promises) {
    PMOE_ASSIGN_OR_RETURN(const Link link, UnixLink(at.folder));
    PMOE_RETURN_IF_ERROR(at.wire.Start(link, at.durability, at.chunks_max));
  }
  for (int round = 0; round < flags.rounds; ++round) {
    for (Promise& at : promises) {
      PMOE_RETURN_IF_ERROR(Measure(
          flags.seconds / flags.rounds / 2.0, Wire::kInsertRows, [&] { return at.wire.Insert(); },
          &at.insert));
    }
  }
  report->Table("durability", {"insert_rows_per_cpu_s", "over_none"});
  for (const Promise& at : promises) {
    const Promise& none = promises[at.chunks_max == 0 ? 0 : 3];
    report->Row(at.name, {Median(at.insert), MedianRatio(at.insert, none.insert)});
  }
  return absl::OkStatus();
}

// What writers cost that are connected and write nothing, both ends together.
absl::Status MeasureIdleWriters(Report* report) {
  constexpr uint32_t kWriters = 256;
  constexpr std::chrono::seconds kWatched(5);
  const ScratchFolder folder;
  PMOE_ASSIGN_OR_RETURN(const Link link, UnixLink(folder));
  Wire wire;
  PMOE_RETURN_IF_ERROR(wire.Start(link));
  std::vector<std::unique_ptr<RpcTransitionWriter>> idle;
  for (uint32_t actor = 1; actor <= kWriters; ++actor) {
    PMOE_ASSIGN_OR_RETURN(idle.emplace_back(), wire.IdleWriter(link, actor));
  }
  for (int tries = 0; wire.writers() < kWriters; ++tries) {
    if (tries == 3000) {
      return absl::DeadlineExceededError(
          absl::StrCat(wire.writers(), " of ", kWriters, " writers came within 30 s"));
    }
    Clock::Real()->Sleep(std::chrono::milliseconds(10));
  }
  Clock::Real()->Sleep(std::chrono::seconds(1));
  const double before_s = ProcessCpuSeconds();
  Clock::Real()->Sleep(kWatched);
  report->Table("idle writers", {"share_of_a_core"});
  report->Row(absl::StrCat(kWriters), {(ProcessCpuSeconds() - before_s) / kWatched.count()});
  return absl::OkStatus();
}

}  // namespace

absl::Status BenchWire(const BenchFlags& flags, Report* report) {
  const ScratchFolder folder;
  PMOE_ASSIGN_OR_RETURN(const Link link, UnixLink(folder));
  Wire wire;
  PMOE_RETURN_IF_ERROR(wire.Start(link));
  PMOE_RETURN_IF_ERROR(wire.StartRaw());
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
  PMOE_RETURN_IF_ERROR(CompareTransports(flags, report));
  PMOE_RETURN_IF_ERROR(CompareDurabilities(flags, report));
  return MeasureIdleWriters(report);
}

}  // namespace pmoe
