#include "learner/cluster_run.h"

#include <algorithm>
#include <map>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/build_info.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "common/metrics/disk_metrics.h"
#include "common/metrics/rejection_metrics.h"
#include "common/rpc/refusals.h"
#include "common/rpc/rpc_status.h"
#include "common/verdict/verdict.h"
#include "control/client/run_follower.h"
#include "control/wire/run_messages.h"
#include "learner/learner_config.h"
#include "learner/targets_page.h"
#include "replay/load/demos.h"
#include "replay/wire/table_request.h"
#include "run/make_run.h"
#include "run/run_env.h"
#include "run/view_status.h"

namespace pmoe {
namespace {

constexpr std::chrono::milliseconds kTick(50);
constexpr double kSayMissing_s = 10.0;
constexpr double kShardAnswers_s = 60.0;
constexpr double kStatus_s = 0.5;
constexpr std::chrono::milliseconds kFinish(8000);

RunHubOptions WithVersions(RunHubOptions options, VersionMark* versions) {
  options.versions_before = versions->before();
  options.before_publish = [versions](uint64_t version) { versions->Cover(version); };
  return options;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ClusterRun>> ClusterRun::Create(
    const RunConfig& config, const RunDirectory* directory, const RpcSecurity& security,
    const RpcAddress& listen, const std::string& metrics, bool allow_other_env) {
  RunHubOptions hub;
  hub.config = config;
  hub.directory = directory->path();
  hub.allow_other_env = allow_other_env;
  PMOE_ASSIGN_OR_RETURN(hub.kept_env, KeptEnv(directory->path()));
  PMOE_ASSIGN_OR_RETURN(hub.learner_epoch, directory->NextLearnerEpoch());
  PMOE_ASSIGN_OR_RETURN(hub.roster.run_id, directory->RunId());
  hub.roster.build_id = BuildId();
  hub.roster.lockstep = IsLockstep(config);
  hub.roster.actors = static_cast<uint32_t>(config.actor().count());
  hub.roster.shards = static_cast<uint32_t>(config.replay().shards());
  PMOE_ASSIGN_OR_RETURN(hub.roster.seat_key, SeatKey::OfFile(directory->File("seat.key")));
  hub.roster.first_epoch = hub.roster.lockstep ? 0 : FirstActorEpoch(hub.learner_epoch);
  RunStatus status;
  status.set_run_id(hub.roster.run_id);
  status.set_learner_epoch(hub.learner_epoch);
  status.set_directory(directory->path());
  status.set_mode(config.schedule().mode());
  status.set_label(RunLabel(config));
  *status.mutable_process() = MakeProcessInfo();
  std::unique_ptr<ClusterRun> run(
      new ClusterRun(config, directory, security, std::move(hub), std::move(status)));
  PMOE_ASSIGN_OR_RETURN(run->server_, RpcServer::Start(listen, {&run->service_}, security));
  if (!metrics.empty()) {
    PMOE_ASSIGN_OR_RETURN(run->exporter_, MetricsExporter::Start(metrics));
    run->exporter_->Identify({run->hub_options_.roster.run_id, "learner", "0"});
    run->exporter_->Set("pmoe_learner_run_info", 1, RunLabel(config));
    run->status_.mutable_process()->set_metrics_address(run->exporter_->address());
    run->exporter_->AddPage("/sd", [run = run.get()](const HttpRequest& request) {
      return TargetsPage(run->hub_, run->security_, request);
    });
  }
  run->status_.mutable_process()->set_listen_address(run->address().Text());
  PMOE_RETURN_IF_ERROR(
      WriteFileAtomic(directory->File("learner.address"), run->address().Text() + "\n"));
  return run;
}

ClusterRun::ClusterRun(const RunConfig& config, const RunDirectory* directory,
                       const RpcSecurity& security, RunHubOptions hub, RunStatus status)
    : config_(config),
      directory_(directory),
      security_(security),
      hub_options_(std::move(hub)),
      status_(std::move(status)),
      versions_(directory->File("learner.versions")),
      backlog_(EvaluationsKept(config)),
      hub_(WithVersions(hub_options_, &versions_)),
      service_(&hub_, &backlog_),
      judge_(config, RunJudge::Processes::kSeveral) {}

absl::Status ClusterRun::Prepare(bool resume, const std::atomic<bool>& interrupted) {
  PMOE_RETURN_IF_ERROR(AwaitMembers(interrupted));
  if (resume) PMOE_RETURN_IF_ERROR(CheckRunEnv(*directory_, env_, hub_options_.allow_other_env));
  PMOE_RETURN_IF_ERROR(MakeParts(resume, interrupted));
  RunParts parts = {learner_.get(), replay_client(), &hub_, &backlog_, directory_, nullptr};
  parts.learner_epoch = hub_options_.learner_epoch;
  parts.tick = [this](const RunView& view) { return Tick(view); };
  PMOE_ASSIGN_OR_RETURN(run_, MakeTrainingRun(config_, parts, resume));
  status_.set_total_steps(run_->total_steps());
  return KeepEnv();
}

// What the run still waits for; empty: nothing.
std::string ClusterRun::Missing() const {
  std::string missing;
  if (!hub_.env().has_value()) missing = "an actor";
  const std::vector<RunHub::ShardSeat> shards = hub_.shards();
  for (size_t i = 0; i < shards.size(); ++i) {
    if (!shards[i].connected) absl::StrAppend(&missing, missing.empty() ? "" : ", ", "replay ", i);
  }
  return missing;
}

absl::Status ClusterRun::AwaitMembers(const std::atomic<bool>& interrupted) {
  Stopwatch since_said;
  for (std::string missing = Missing(); !missing.empty(); missing = Missing()) {
    if (interrupted) return absl::CancelledError("interrupted before the run began");
    status_.set_state(absl::StrCat("waiting for ", missing));
    hub_.SetStatus(status_);
    ExportProcess();
    if (exporter_ != nullptr) ExportMembers(hub_.Status());
    if (since_said.Elapsed() > kSayMissing_s) {
      since_said.Lap();
      Log(LogLevel::kInfo, "waiting for ", missing, " to join at ", address().Text());
    }
    Clock::Real()->Sleep(kTick);
  }
  status_.set_state("running");
  hub_.SetStatus(status_);
  env_ = *hub_.env();
  return absl::OkStatus();
}

// The first member of a new run says what it is made with; of one that goes on, its directory has.
absl::Status ClusterRun::KeepEnv() {
  PMOE_RETURN_IF_ERROR(KeepRunEnv(*directory_, env_));
  const bool can_be_kept = env_.files_size() > 0 && TotalBytes(env_) <= kKeptBytesMax;
  if (can_be_kept && !HasEnvFiles(directory_->path())) hub_.AskForEnvFiles();
  return absl::OkStatus();
}

absl::Status ClusterRun::MakeParts(bool resume, const std::atomic<bool>& interrupted) {
  const PolicySpec policy = PolicySpecFromConfig(
      config_, env_.obs_dim(), {env_.action_low().begin(), env_.action_low().end()},
      {env_.action_high().begin(), env_.action_high().end()});
  PMOE_ASSIGN_OR_RETURN(learner_, MakeLearner(config_, policy));
  table_ = TableOfRun(config_, policy);
  const RpcReplayOptions options = ReplayOptions();
  replay_ = std::make_unique<RpcReplayClient>(options, OwnRows(config_), DemoRows(config_));
  if (DemoRows(config_) > 0) {
    if (!resume) PMOE_RETURN_IF_ERROR(CheckDemos(config_, SpecOf(table_.columns())));
    demos_ = std::make_unique<DemoTables>(config_, options, replay_.get());
  }
  shards_ = hub_.shards();
  for (size_t i = 0; i < shards_.size(); ++i) {
    // Lockstep restores the tables of its checkpoint by name.
    PMOE_RETURN_IF_ERROR(OpenShardInTime(i, resume && !lockstep() ? "newest" : "",
                                         /*load_demos=*/!(resume && lockstep()), interrupted));
  }
  AssignTables();
  // A shard elsewhere tells what its own machine has room for.
  std::optional<ReplayShardOptions> here;
  if (ShardsAreHere()) here = ShardOptions(table_);
  WarnOfSizes(config_, here, *learner_, *directory_);
  return absl::OkStatus();
}

RpcReplayOptions ClusterRun::ReplayOptions() const {
  RpcReplayOptions options;
  options.learner.set_run_id(hub_options_.roster.run_id);
  options.learner.set_learner_epoch(hub_options_.learner_epoch);
  options.security = security_;
  options.shards = config_.replay().shards();
  options.table = table_;
  options.seat_key = hub_options_.roster.seat_key.bytes();
  return options;
}

absl::Status ClusterRun::OpenShard(size_t index, const RunHub::ShardSeat& seat,
                                   absl::string_view restore, bool load_demos) {
  PMOE_ASSIGN_OR_RETURN(const RpcAddress address,
                        security_.ParseAddress(seat.address, "replay's --listen"));
  const int shard = static_cast<int>(index);
  PMOE_RETURN_IF_ERROR(replay_->OpenShard(shard, address, restore));
  return demos_ == nullptr ? absl::OkStatus()
                           : demos_->OpenShard(shard, address, restore, load_demos);
}

// In Kubernetes a pod's name is known some seconds after the pod has joined.
absl::Status ClusterRun::OpenShardInTime(size_t index, absl::string_view restore, bool load_demos,
                                         const std::atomic<bool>& interrupted) {
  Stopwatch since;
  for (bool said = false;; said = true) {
    shards_[index] = hub_.shards()[index];
    const absl::Status status = OpenShard(index, shards_[index], restore, load_demos);
    const bool again = absl::IsUnavailable(status) && since.Elapsed() < kShardAnswers_s;
    if (!again) return status;
    if (interrupted) return absl::CancelledError("interrupted before the run began");
    if (!said) {
      Log(LogLevel::kWarning, status.message(), "; trying for ", kShardAnswers_s, " s");
    }
    Clock::Real()->Sleep(kTick);
  }
}

bool ClusterRun::ShardsAreHere() const {
  return std::all_of(shards_.begin(), shards_.end(), [](const RunHub::ShardSeat& shard) {
    return absl::StartsWith(shard.address, "unix:");
  });
}

void ClusterRun::AssignTables() {
  std::vector<TableAssignment> tables;
  for (size_t i = 0; i < shards_.size(); ++i) {
    TableAssignment table;
    table.set_address(shards_[i].address);
    table.set_shard(static_cast<uint32_t>(i));
    *table.mutable_columns() = table_.columns();
    table.set_lockstep(table_.lockstep());
    table.set_first_round(table_.first_round());
    tables.push_back(std::move(table));
  }
  hub_.SetTables(std::move(tables));
}

absl::Status ClusterRun::Train(const std::atomic<bool>& interrupted) {
  const absl::Status status = run_->Train(interrupted);
  if (!status.ok()) return status;
  if (run_->env_steps() >= run_->total_steps()) {
    status_.set_state("finished");
    hub_.SetStatus(status_);
    hub_.Finish(kFinish);
  }
  server_->SetServing(false);
  return absl::OkStatus();
}

absl::Status ClusterRun::Tick(const RunView& view) {
  for (const auto& [actor, in_order] : hub_.TakeDepartures()) {
    if (lockstep()) continue;  // the loop ends, and leaves its rows as they were at the barrier
    Log(in_order ? LogLevel::kInfo : LogLevel::kWarning, DescribeMember(actor),
        in_order ? " has left" : " is gone", "; the run goes on");
    // Its streams end where they are; a shard that is away has nothing to cut.
    const absl::Status cut = replay_->CutActor(/*member=*/0, actor.index(), actor.epoch());
    if (!cut.ok() && !IsTransient(cut)) return cut;
  }
  PMOE_RETURN_IF_ERROR(TendShards());
  if (const std::optional<EnvRecord> env = hub_.TakeEnvFiles(); env.has_value()) {
    PMOE_RETURN_IF_ERROR(KeepEnvFiles(directory_->path(), *env));
  }
  if (since_status_.Elapsed() < kStatus_s) return absl::OkStatus();
  since_status_.Lap();
  ShowStatus(view);
  return absl::OkStatus();
}

// The run does not end because log.txt cannot grow.
void ClusterRun::NoteMembers(const RunStatus& now, uint64_t env_steps) {
  for (const std::string& line : member_notes_.Changes(now, env_steps)) {
    directory_->Note(line).IgnoreError();
  }
}

// A shard that came back, perhaps as another process elsewhere, gets its table again.
absl::Status ClusterRun::TendShards() {
  const std::vector<RunHub::ShardSeat> seats = hub_.shards();
  for (size_t i = 0; i < seats.size(); ++i) {
    if (!seats[i].connected || seats[i].joins == shards_[i].joins) continue;
    if (lockstep()) {
      return absl::AbortedError(
          "replay was restarted, and a lockstep run cannot go on without the rows that it staged; "
          "resume it from its last checkpoint");
    }
    const absl::Status status = TendShard(i, seats[i]);
    // It went again: the next tick looks anew.
    if (!status.ok() && !IsTransient(status)) return status;
  }
  return absl::OkStatus();
}

absl::Status ClusterRun::TendShard(size_t index, const RunHub::ShardSeat& seat) {
  PMOE_RETURN_IF_ERROR(OpenShard(index, seat, "newest", /*load_demos=*/true));
  shards_[index] = seat;
  AssignTables();
  return absl::OkStatus();
}

void ClusterRun::ShowStatus(const RunView& view) {
  FillStatus(view, &status_);
  status_.set_uptime_s(uptime_.Elapsed());
  const DiskSpace disk = DiskSpaceAt(directory_->path());
  status_.mutable_disk()->set_free_bytes(disk.free_bytes);
  status_.mutable_disk()->set_total_bytes(disk.total_bytes);
  RunStatus all = hub_.Status();  // with the members; of many it is no small copy
  ShowUse(all, &view.log->meter());
  if (judge_.Due()) {
    RunStatus judged = status_;
    judged.mutable_members()->Swap(all.mutable_members());
    *status_.mutable_verdict() = judge_.Judge(judged);
    judged.mutable_members()->Swap(all.mutable_members());
  }
  hub_.SetStatus(status_);
  NoteMembers(all, view.env_steps);
  if (exporter_ != nullptr) Export(view, all);
}

void ClusterRun::ShowUse(const RunStatus& now, RunMeter* meter) {
  *status_.mutable_usage() = MeasureUsage(&meter_);
  const std::vector<GpuUsage> gpus = gpus_.Look();
  *status_.mutable_gpus() = {gpus.begin(), gpus.end()};
  resources_.LookAtOwn(status_.usage());
  for (const MemberStatus& member : now.members()) resources_.LookAtMember(member);
  resources_.LookAtGpus(gpus);
  meter->SetCpuSeconds(resources_.cpu_s());
  const bool on_gpu = config_.learner().device() != "cpu" && resources_.has_gpus();
  if (on_gpu) meter->SetGpuSeconds(resources_.gpu_s());
}

void ClusterRun::ExportProcess() {
  if (exporter_ == nullptr) return;
  process_.Export(exporter_.get());
  for (const auto& [caller, count] : Refusals::OfProcess().Counts()) {
    exporter_->Set("pmoe_rpc_refused_total", static_cast<double>(count), caller);
  }
  ExportRejections(exporter_.get());
}

void ClusterRun::Export(const RunView& view, const RunStatus& members) {
  ExportMembers(members);
  ExportProcess();
  ExportMeter(view.log->meter());
  exporter_->Set("pmoe_learner_env_steps", static_cast<double>(view.env_steps));
  exporter_->Set("pmoe_learner_updates_total", static_cast<double>(view.updates));
  exporter_->Set("pmoe_learner_weights_version", static_cast<double>(view.policy_version));
  if (status_.has_evaluation()) {
    exporter_->Set("pmoe_learner_eval_return", status_.eval_return());
  }
  for (const std::string& name : BottleneckNames()) {
    exporter_->Set("pmoe_learner_bottleneck", name == status_.verdict().bottleneck() ? 1 : 0, name);
  }
  for (const auto& [name, value] : view.log->last_row()) {
    exporter_->Set("pmoe_learner_stat", value, name);
  }
  ExportDisk("learner", directory_->path(), exporter_.get());
}

void ClusterRun::ExportMeter(const RunMeter& meter) {
  const auto set = [this](absl::string_view name, double value, const std::string& label = "") {
    exporter_->Set(name, value, label);
  };
  set("pmoe_learner_update_seconds_total", meter.Seconds(LoopPhase::kUpdate));
  set("pmoe_learner_sample_wait_seconds_total", meter.Seconds(LoopPhase::kSampleWait));
  set("pmoe_learner_publish_seconds_total", meter.Seconds(LoopPhase::kPublish));
  set("pmoe_learner_evaluation_wait_seconds_total", meter.Seconds(LoopPhase::kEvaluation));
  set("pmoe_learner_checkpoint_seconds_total", meter.Seconds(LoopPhase::kCheckpoint));
  set("pmoe_learner_idle_seconds_total", meter.Seconds(LoopPhase::kIdle));
  exporter_->SetHistogram("pmoe_learner_sample_seconds", meter.sample_wait());
  exporter_->SetHistogram("pmoe_learner_publish_to_use_seconds",
                          meter.policy_lag().publish_to_use());
  // Else what was known last: of actors that are all stuck it is no 0.
  if (status_.has_policy_lag_s()) {
    set("pmoe_learner_policy_lag_versions", status_.policy_lag_versions());
    set("pmoe_learner_policy_lag_seconds", status_.policy_lag_s());
  }
  set("pmoe_learner_sampled_lag_versions", status_.lag_versions());
  set("pmoe_learner_sampled_lag_seconds", status_.lag_s());
  if (status_.samples_per_insert_window_s() > 0.0) {
    set("pmoe_learner_samples_per_insert", status_.samples_per_insert());
  }
  for (const GpuUsage& gpu : status_.gpus()) {
    const std::string index = absl::StrCat(gpu.index());
    set("pmoe_learner_gpu_busy_ratio", gpu.busy(), index);
    set("pmoe_learner_gpu_memory_bytes", static_cast<double>(gpu.memory_used_bytes()), index);
    set("pmoe_learner_gpu_memory_size_bytes", static_cast<double>(gpu.memory_total_bytes()), index);
  }
  if (meter.gpu_s().has_value()) set("pmoe_learner_gpu_seconds_total", *meter.gpu_s());
}

// From the first moment on: a run that waits for an actor shall not look as if it were off.
void ClusterRun::ExportMembers(const RunStatus& members) {
  std::map<std::string, int> connected = {{"actor", 0}, {"evaluator", 0}, {"replay", 0}};
  for (const MemberStatus& member : members.members()) {
    if (member.connected()) ++connected[RoleName(member.role())];
  }
  for (const auto& [role, count] : connected) exporter_->Set("pmoe_learner_members", count, role);
}

}  // namespace pmoe
