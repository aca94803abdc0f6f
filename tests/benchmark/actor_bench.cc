// bench actor: one real actor process of 8 environments, K = 4 and 256 x 256 nets, between a
// control plane and a replay shard served by this process over unix sockets. Per task: its env
// steps per CPU-second (physics, policy, chunks, gRPC) over mj_step alone on a trajectory of the
// same policy. Once: seconds from its start to its first row in replay, and the memory that is its
// own.
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "actor/env/registry.h"
#include "actor/policy_network.h"
#include "cli/up/child.h"
#include "common/base/build_info.h"
#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "common/base/stopwatch.h"
#include "common/config/run_config.h"
#include "common/rpc/server.h"
#include "control/service/run_service.h"
#include "replay/client/rpc_control.h"
#include "replay/service/replay_service.h"
#include "replay/wire/table_request.h"
#include "tests/benchmark/benchmarks.h"
#include "tests/benchmark/measure.h"
#include "tests/benchmark/policy_workload.h"
#include "tests/benchmark/process_times.h"
#include "tests/benchmark/recorded_simulation.h"
#include "tests/benchmark/scratch_folder.h"

namespace pmoe {
namespace {

constexpr PolicyWorkload kPolicy = {"HalfCheetah_k4", 17, 6, 4};
constexpr const char* kTasks[] = {"HalfCheetah-v5", "Hopper-v5",   "Walker2d-v5",
                                  "Ant-v5",         "Humanoid-v5", "HumanoidStandup-v5"};
constexpr int kEnvs = 8;
constexpr int kPrimitives = 4;
constexpr int64_t kRowsUntilWarm = 2'000;
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
  Surroundings(const RunConfig& config, const PolicyWorkload& policy)
      : policy_(policy), hub_(HubOptions(config)) {}

  absl::Status Start() {
    if (folder_.path().empty()) return absl::InternalError("cannot make a folder in /tmp");
    PMOE_ASSIGN_OR_RETURN(const RpcAddress replay, Socket(folder_, "replay"));
    PMOE_ASSIGN_OR_RETURN(replay_server_, RpcServer::Start(replay, {&replay_}, {}));
    RpcReplayOptions table;
    table.learner.set_run_id(kRunId);
    *table.table.mutable_columns() = ColumnsOf({policy_.obs_dim, policy_.action_dim});
    table.table.set_capacity(kCapacity);
    table.table.set_n_step(1);
    table.table.set_gamma(1.0);
    RpcReplayControl control(table);
    control.SetShardAddress(0, replay);
    PMOE_RETURN_IF_ERROR(control.CreateTable(0, ""));
    TableAssignment assignment;
    assignment.set_address(replay.Text());
    *assignment.mutable_columns() = table.table.columns();
    hub_.SetTables({assignment});
    Directive directive;
    directive.until_next = true;
    directive.snapshot = MakeBenchSnapshot(policy_);
    hub_.Publish(directive);
    PMOE_ASSIGN_OR_RETURN(const RpcAddress learner, Socket(folder_, "learner"));
    PMOE_ASSIGN_OR_RETURN(learner_server_, RpcServer::Start(learner, {&service_}, {}));
    return absl::OkStatus();
  }
  std::string learner() const { return learner_server_->address().Text(); }
  std::string LogFile() const { return folder_.path() + "/actor.log"; }
  int64_t rows() const { return replay_.Counts().inserted; }

 private:
  const PolicyWorkload policy_;
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

absl::StatusOr<RunConfig> ActorConfig(const std::string& env) {
  ConfigSources sources;
  sources.flags = {{"env.id", env}, {"schedule.mode", "async"}};
  sources.sets = {absl::StrCat("actor.envs=", kEnvs)};
  return ResolveConfig(sources);
}

absl::StatusOr<Child> StartActor(const Surroundings& around) {
  return Child::Start({BinaryPath("pmoe-actor"), "run", "--learner", around.learner(), "--parent",
                       absl::StrCat(::getpid())},
                      around.LogFile());
}

absl::Status MeasureOnce(std::vector<double>* first_row_s, std::vector<double>* own_mb) {
  PMOE_ASSIGN_OR_RETURN(const RunConfig config, ActorConfig("HalfCheetah-v5"));
  Surroundings around(config, kPolicy);
  PMOE_RETURN_IF_ERROR(around.Start());
  PMOE_ASSIGN_OR_RETURN(Child actor, StartActor(around));
  double elapsed_s = 0.0;
  PMOE_RETURN_IF_ERROR(AwaitRows(around, &actor, 1, &elapsed_s));
  first_row_s->push_back(elapsed_s);
  PMOE_RETURN_IF_ERROR(AwaitRows(around, &actor, kRowsUntilSteady, &elapsed_s));
  own_mb->push_back(PrivateMegabytes(actor.pid()));
  return absl::OkStatus();
}

double CpuSeconds(pid_t pid) {
  clockid_t clock;
  timespec time{};
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &time) != 0) return 0.0;
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// From one arrival of rows to another, so that rows still on their way do not count.
absl::StatusOr<double> StepsPerCpuSecond(const Surroundings& around, Child* actor, double seconds) {
  double ignored_s = 0.0;
  PMOE_RETURN_IF_ERROR(AwaitRows(around, actor, around.rows() + 1, &ignored_s));
  const int64_t first = around.rows();
  const double begin_s = CpuSeconds(actor->pid());
  for (;;) {
    PMOE_RETURN_IF_ERROR(AwaitRows(around, actor, around.rows() + 1, &ignored_s));
    const int64_t rows = around.rows() - first;
    const double cpu_s = CpuSeconds(actor->pid()) - begin_s;
    if (cpu_s >= seconds) return static_cast<double>(rows) / cpu_s;
  }
}

// Actions of the policy on one environment, as the actor draws them; a record for the bare loop.
std::vector<double> PolicyActions(const std::shared_ptr<const PolicySnapshot>& snapshot,
                                  size_t steps, RecordedSimulation* simulation) {
  PolicyNetwork network(snapshot->spec, 1);
  PMOE_CHECK(network.Load(snapshot).ok());
  Rng rng(1, RngRole::kActor, 0);
  std::vector<float> obs(snapshot->spec.obs_dim), action(snapshot->spec.action_dim);
  std::vector<double> scaled(action.size()), actions;
  std::vector<int> primitive(1);
  simulation->StartRecord();
  for (size_t step = 0; step < steps; ++step) {
    std::copy(simulation->obs().begin(), simulation->obs().end(), obs.begin());
    network.Act(obs, {.sample = true}, {&rng, 1}, absl::MakeSpan(action),
                absl::MakeSpan(primitive));
    ScaleAction(snapshot->spec, action, absl::MakeSpan(scaled));
    simulation->StepOnce(step, scaled);
    actions.insert(actions.end(), scaled.begin(), scaled.end());
  }
  return actions;
}

absl::Status MeasureTask(const std::string& id, const BenchFlags& flags, Report* report) {
  PMOE_ASSIGN_OR_RETURN(const RunConfig config, ActorConfig(id));
  PMOE_ASSIGN_OR_RETURN(std::unique_ptr<Env> env, MakeEnv(id, {}, ""));
  const EnvSpec spec = env->spec();
  const PolicyWorkload policy{id.c_str(), spec.obs_dim, spec.action_dim, kPrimitives,
                              spec.action_high.front()};
  const std::shared_ptr<const PolicySnapshot> snapshot = MakeBenchSnapshot(policy);
  RecordedSimulation simulation(std::unique_ptr<MujocoEnv>(static_cast<MujocoEnv*>(env.release())));
  Surroundings around(config, policy);
  PMOE_RETURN_IF_ERROR(around.Start());
  PMOE_ASSIGN_OR_RETURN(Child actor, StartActor(around));
  double ignored_s = 0.0;
  PMOE_RETURN_IF_ERROR(AwaitRows(around, &actor, kRowsUntilWarm, &ignored_s));
  std::vector<double> ours, bare;
  const double slice_s = flags.seconds / flags.rounds;
  for (int round = 0; round < flags.rounds; ++round) {
    actor.Signal(SIGCONT);
    PMOE_ASSIGN_OR_RETURN(const double steps_per_s, StepsPerCpuSecond(around, &actor, slice_s));
    actor.Signal(SIGSTOP);
    const size_t steps = 1 + static_cast<size_t>(steps_per_s * slice_s);
    const std::vector<double> actions = PolicyActions(snapshot, steps, &simulation);
    const double start_s = ThreadCpuSeconds();
    simulation.StepBare(steps, actions);
    ours.push_back(steps_per_s);
    bare.push_back(static_cast<double>(steps) / (ThreadCpuSeconds() - start_s));
  }
  actor.Signal(SIGCONT);
  report->Row(id, {Median(ours), Median(bare), MedianRatio(ours, bare)});
  return absl::OkStatus();
}

}  // namespace

absl::Status BenchActor(const BenchFlags& flags, Report* report) {
  report->Table("actor of 8 environments, K = 4",
                {"steps_per_cpu_s", "bare_steps_per_cpu_s", "ratio"});
  for (const std::string id : kTasks) {
    if (flags.Chooses(id)) PMOE_RETURN_IF_ERROR(MeasureTask(id, flags, report));
  }
  if (!flags.only.empty()) return absl::OkStatus();
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
