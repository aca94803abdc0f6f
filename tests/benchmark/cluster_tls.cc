// bench cluster, "tls": mutual TLS over plain TCP on loopback, alternating. "wire": bare streams
// of 256 KiB messages, both ends in this process. "cluster": pmoe up --tcp of two actors, which
// makes its certificates itself, against --tcp --insecure.
#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "cli/certificates.h"
#include "common/base/status_macros.h"
#include "tests/benchmark/cluster_parts.h"
#include "tests/benchmark/measure.h"
#include "tests/benchmark/raw_streams.h"
#include "tests/benchmark/scratch_folder.h"
#include "tests/benchmark/training_runs.h"

namespace pmoe {
namespace {

constexpr size_t kMessageBytes = 256 << 10;
constexpr int kMessages = 200;  // 52 MB
constexpr int kInFlight = 8;
constexpr double kGigabytes = 1e-9 * kMessageBytes * kMessages;
constexpr const char* kSides[] = {"plain", "tls"};

struct Measured {
  std::vector<double> cpu_s_per_gb[2]{};  // plain, TLS
  TrainingRates training[2]{};
};

absl::StatusOr<std::unique_ptr<RawStreams>> StartStreams(const std::string& certificates) {
  RawStreamsSecurity security;
  security.server = RpcSecurity::InsecureLoopback();
  security.client = RpcSecurity::InsecureLoopback();
  if (!certificates.empty()) {
    PMOE_ASSIGN_OR_RETURN(security.server, RpcSecurity::FromFolder(certificates + "/replay"));
    PMOE_ASSIGN_OR_RETURN(security.client, RpcSecurity::FromFolder(certificates + "/actor"));
  }
  PMOE_ASSIGN_OR_RETURN(const RpcAddress address,
                        security.server.ParseAddress("127.0.0.1:0", "the benchmark's address"));
  return RawStreams::Start(address, security);
}

absl::Status MeasureWire(RawStreams* streams, std::vector<double>* cpu_s_per_gb) {
  const double before_s = ProcessCpuSeconds();
  PMOE_RETURN_IF_ERROR(streams->Send(kMessages, kMessageBytes, kInFlight));
  cpu_s_per_gb->push_back((ProcessCpuSeconds() - before_s) / kGigabytes);
  return absl::OkStatus();
}

absl::Status MeasureWires(int rounds, Measured* measured) {
  const ScratchFolder folder;
  CertificateOptions options;
  options.out = folder.path() + "/certs";
  PMOE_RETURN_IF_ERROR(InitCertificates(options, absl::Now()).status());
  std::unique_ptr<RawStreams> streams[2];
  for (const int side : {0, 1}) {
    PMOE_ASSIGN_OR_RETURN(streams[side], StartStreams(side == 0 ? "" : options.out));
    PMOE_RETURN_IF_ERROR(streams[side]->Send(kInFlight, kMessageBytes, kInFlight));
  }
  for (int round = 0; round < 3 * rounds; ++round) {
    for (const int side : {round % 2, 1 - round % 2}) {
      PMOE_RETURN_IF_ERROR(MeasureWire(streams[side].get(), &measured->cpu_s_per_gb[side]));
    }
  }
  return absl::OkStatus();
}

absl::Status MeasureCluster(const BenchFlags& flags, int side, Measured* measured) {
  TrainingPlan plan = SacTraining(flags.steps, flags.sets);
  plan.command = "up";
  plan.words = {"--mode", "async", "--actors", "2", "--tcp"};
  if (side == 0) plan.words.push_back("--insecure");
  return measured->training[side].Measure(plan);
}

}  // namespace

absl::Status BenchClusterTls(const BenchFlags& flags, Report* report) {
  Measured measured;
  PMOE_RETURN_IF_ERROR(MeasureWires(flags.rounds, &measured));
  for (int round = 0; round < flags.rounds; ++round) {
    for (const int side : {round % 2, 1 - round % 2}) {
      PMOE_RETURN_IF_ERROR(MeasureCluster(flags, side, &measured));
    }
  }
  report->Table("TCP, plain and TLS", {"cpu_s_per_gb", "cpu_ms_per_env_step", "env_steps_per_s"});
  for (const int side : {0, 1}) {
    const TrainingRates& training = measured.training[side];
    report->Row(kSides[side], {Median(measured.cpu_s_per_gb[side]), Median(training.step_ms),
                               Median(training.steps_per_s)});
  }
  const auto& [plain, tls] = measured.training;
  report->Table("TLS over plain", {"cpu_per_gb", "cpu_per_env_step", "env_steps_per_s"});
  report->Row("tls_over_plain", {MedianRatio(measured.cpu_s_per_gb[1], measured.cpu_s_per_gb[0]),
                                 MedianRatio(tls.step_ms, plain.step_ms),
                                 MedianRatio(tls.steps_per_s, plain.steps_per_s)});
  return absl::OkStatus();
}

}  // namespace pmoe
