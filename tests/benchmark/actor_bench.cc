// bench actor: one real actor process, HalfCheetah-v5 with K = 4 and 256 x 256 nets, between a
// control plane and a replay shard served by this process over unix sockets: seconds from its start
// to its first row in replay, and the memory that is its own once it runs.
#include <poll.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/child.h"
#include "common/base/build_info.h"
#include "common/base/status_macros.h"
#include "common/base/stopwatch.h"
#include "common/config/run_config.h"
#include "common/rpc/server.h"
#include "learner/service/run_service.h"
#include "replay/client/rpc_control.h"
#include "replay/service/replay_service.h"
#include "tests/benchmark/benchmarks.h"
#include "tests/benchmark/measure.h"
#include "tests/benchmark/policy_workload.h"
#include "tests/benchmark/scratch_folder.h"

namespace pmoe {
namespace {

constexpr PolicyWorkload kPolicy = {"HalfCheetah_k4", 17, 6, 4};
constexpr TableSpec kColumns{.obs_dim = 17, .action_dim = 6};
constexpr char kRunId[] = "bench";
constexpr int64_t kCapacity = 1'000'000;
constexpr int64_t kRowsUntilSteady = 20'000;  // several hundred chunks, a page table that has grown
constexpr int kPoll_ms = 1;
constexpr double kTimeout_s = 60.0;

RunHubOptions HubOptions(const RunConfig& config) {
  RunHubOptions options;
  options.roster.run_id = kRunId;
  options.roster.build_id = BuildId();
  options.config = config;
  return options;
}

absl::StatusOr<RpcAddress> Socket(const ScratchFolder& folder, const char* name) {
  return ParseRpcAddress(absl::StrCat("unix:", folder.path(), "/", name), "TMPDIR");
}

// What an actor needs around it, without a learner's arithmetic.
class Surroundings {
 public:
  explicit Surroundings(const RunConfig& config) : hub_(HubOptions(config)) {}

  absl::Status Start() {
    if (folder_.path().empty()) return absl::InternalError("cannot make a folder in /tmp");
    PMOE_ASSIGN_OR_RETURN(const RpcAddress replay, Socket(folder_, "replay"));
    PMOE_ASSIGN_OR_RETURN(replay_server_, RpcServer::Start(replay, {&replay_}));
    RpcControlOptions table;
    table.run_id = kRunId;
    table.spec = kColumns;
    table.capacity = kCapacity;
    RpcReplayControl control(table);
    control.SetShardAddress(0, replay);
    PMOE_RETURN_IF_ERROR(control.CreateTable(0, ""));
    TableAssignment assignment;
    assignment.set_address(replay.Text());
    assignment.mutable_columns()->set_obs_dim(kColumns.obs_dim);
    assignment.mutable_columns()->set_action_dim(kColumns.action_dim);
    hub_.SetTables({assignment});
    Directive directive;
    directive.until_next = true;
    directive.snapshot = MakeBenchSnapshot(kPolicy);
    hub_.Publish(directive);
    PMOE_ASSIGN_OR_RETURN(const RpcAddress learner, Socket(folder_, "learner"));
    PMOE_ASSIGN_OR_RETURN(learner_server_, RpcServer::Start(learner, {&service_}));
    return absl::OkStatus();
  }
  std::string learner() const { return learner_server_->address().Text(); }
  std::string LogFile() const { return folder_.path() + "/actor.log"; }
  int64_t rows() const { return replay_.Counts().inserted; }

 private:
  const ScratchFolder folder_;
  RunHub hub_;
  EvaluationBacklog backlog_{EvaluationBacklog::Keep::kNewest};
  RunServiceImpl service_{&hub_, &backlog_};
  ReplayServer replay_{folder_.path()};
  std::unique_ptr<RpcServer> replay_server_, learner_server_;  // go before the services
};

absl::Status AwaitRows(const Surroundings& around, Child* actor, int64_t rows, double* elapsed_s) {
  const Stopwatch clock;
  while (around.rows() < rows) {
    if (actor->Poll().has_value() || clock.Elapsed() > kTimeout_s) {
      std::ifstream log(around.LogFile());
      return absl::InternalError(absl::StrCat(
          "the actor sent no rows: ", std::string(std::istreambuf_iterator<char>(log), {})));
    }
    ::poll(nullptr, 0, kPoll_ms);
  }
  *elapsed_s = clock.Elapsed();
  return absl::OkStatus();
}

// Pages written by the process, MB: text and data of libraries that it has not written are shared
// with every other process that maps them.
double OwnMemory_mb(pid_t pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/smaps_rollup"));
  for (std::string word; file >> word;) {
    double kb = 0.0;
    if (word == "Private_Dirty:" && file >> kb) return kb / 1024.0;
  }
  return 0.0;
}

absl::Status MeasureOnce(std::vector<double>* first_row_s, std::vector<double>* own_mb) {
  ConfigSources sources;
  sources.flags = {{"env.id", "HalfCheetah-v5"}, {"schedule.mode", "async"}};
  PMOE_ASSIGN_OR_RETURN(const RunConfig config, ResolveConfig(sources));
  Surroundings around(config);
  PMOE_RETURN_IF_ERROR(around.Start());
  std::error_code error;
  const std::string binary =
      (std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / "pmoe-actor")
          .string();
  PMOE_ASSIGN_OR_RETURN(Child actor, Child::Start({binary, "run", "--learner", around.learner(),
                                                   "--parent", absl::StrCat(::getpid())},
                                                  around.LogFile()));
  double elapsed_s = 0.0;
  PMOE_RETURN_IF_ERROR(AwaitRows(around, &actor, 1, &elapsed_s));
  first_row_s->push_back(elapsed_s);
  PMOE_RETURN_IF_ERROR(AwaitRows(around, &actor, kRowsUntilSteady, &elapsed_s));
  own_mb->push_back(OwnMemory_mb(actor.pid()));
  return absl::OkStatus();
}

}  // namespace

absl::Status BenchActor(const BenchFlags& flags, Report* report) {
  std::vector<double> first_row_s, own_mb;
  for (int round = 0; round < flags.rounds; ++round) {
    PMOE_RETURN_IF_ERROR(MeasureOnce(&first_row_s, &own_mb));
  }
  report->Table("actor process", {"start_to_first_row_s", "own_memory_mb"});
  report->Row(kPolicy.name, {Median(first_row_s), Median(own_mb)});
  report->Value("load_average_after", LoadAverage());
  return absl::OkStatus();
}

}  // namespace pmoe
