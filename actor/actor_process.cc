#include "actor/actor_process.h"

#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "actor/actor.h"
#include "actor/configured_env.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "common/metrics/exporter.h"
#include "common/metrics/process_metrics.h"
#include "common/rpc/rpc_status.h"
#include "control/client/rpc_run_client.h"
#include "control/wire/timing.h"
#include "replay/client/rpc_writer.h"
#include "replay/wire/table_request.h"

namespace pmoe {
namespace {

constexpr std::chrono::milliseconds kFlushTimeout(4000);
// With nobody left who samples, the limiter will not let the last rows in.
constexpr std::chrono::milliseconds kFlushWithoutLearner(500);
constexpr std::chrono::milliseconds kTick(20);
constexpr size_t kChunksOnPolicy = 2;               // not acknowledged, async
constexpr std::chrono::milliseconds kFirstTick(1);  // orders usually come within some

// One process, which may take several seats one after the other.
class ActorProcess {
 public:
  // `exporter` may be null.
  ActorProcess(const ActorProcessOptions& options, MetricsExporter* exporter,
               const std::atomic<bool>& interrupted)
      : options_(options),
        exporter_(exporter),
        interrupted_(interrupted),
        client_(&interrupted, [this] { return Rates(); }),
        follower_(options.membership, &client_) {
    client_.SetReporter([this] { follower_.ReportNow(); });
  }

  absl::Status Run();

 private:
  absl::Status Live();
  absl::Status TakeNewSeat(const absl::Status& why);
  absl::StatusOr<TableAssignment> AwaitOrders();
  absl::Status CheckSpec(const PolicySpec& policy) const;
  RpcWriterOptions WriterOptions(const Seat& seat, const TableAssignment& table);
  void SetWriter(std::shared_ptr<RpcTransitionWriter> writer) ABSL_LOCKS_EXCLUDED(mu_);
  void Watch(RpcTransitionWriter* writer, std::string address, const std::atomic<bool>* done);
  ActorRates Rates() ABSL_LOCKS_EXCLUDED(mu_);
  void Export(const ActorTotals& totals, const ActorRates& rates);
  std::string Index() const { return absl::StrCat(follower_.seat().index()); }

  const ActorProcessOptions& options_;
  MetricsExporter* const exporter_;
  const std::atomic<bool>& interrupted_;
  RunConfig config_;
  EnvSpec env_;
  RecentRates steps_{kTimeWindow_s};  // the reporting thread's
  ActorClock time_;                   // of all seats
  ActorShares shares_;                // the reporting thread's
  LatencyHistogram insert_ack_;       // of all seats
  ProcessMetrics process_;            // the reporting thread's
  Mutex mu_;
  // Of the seat that is taken, for the thread that reports rates; null between two.
  std::shared_ptr<RpcTransitionWriter> writer_ ABSL_GUARDED_BY(mu_);
  RpcRunClient client_;
  RunFollower follower_;  // last: its threads use what stands above
};

absl::Status ActorProcess::Run() {
  PMOE_ASSIGN_OR_RETURN(const JoinReply joined, follower_.Join(interrupted_));
  config_ = joined.config();
  // The learner may be of another build, with choices that this one does not know.
  PMOE_RETURN_IF_ERROR(ValidateConfig(config_));
  client_.SetSeat(joined.seat());
  PMOE_ASSIGN_OR_RETURN(EnvRecord record, RecordConfiguredEnv(config_, &env_));
  client_.SetEnv(std::move(record));
  follower_.Follow();
  absl::Status status;
  do {
    client_.ClearSeatChange();
    status = Live();
    if (MustJoinAnew(status)) status = TakeNewSeat(status);
  } while (status.ok() && client_.seat_changed() && !interrupted_);
  // Why no more orders came, where it was not in order.
  const bool says_why = !status.ok() && !absl::IsCancelled(status);
  const absl::Status over = follower_.status();
  if (!says_why && !over.ok() && !client_.finished() && !interrupted_) status = over;
  follower_.Leave();
  return status;
}

// One seat: until the run is over, this process shall end, or the seat is another.
absl::Status ActorProcess::Live() {
  const Seat seat = follower_.seat();
  PMOE_ASSIGN_OR_RETURN(const TableAssignment table, AwaitOrders());
  const PolicySpec policy = client_.LatestSnapshot()->spec;
  PMOE_RETURN_IF_ERROR(CheckSpec(policy));
  PMOE_ASSIGN_OR_RETURN(
      const RpcAddress address,
      options_.membership.security.ParseAddress(table.address(), "the learner's table assignment"));
  PMOE_ASSIGN_OR_RETURN(const std::shared_ptr<RpcTransitionWriter> writer,
                        RpcTransitionWriter::Create(WriterOptions(seat, table), address));
  SetWriter(writer);
  std::vector<std::unique_ptr<Env>> envs;
  for (int e = 0; e < config_.actor().envs(); ++e) {
    PMOE_ASSIGN_OR_RETURN(std::unique_ptr<Env> env, MakeConfiguredEnv(config_));
    envs.push_back(std::move(env));
  }
  Actor actor({config_.seed(), seat.index(), seat.epoch(), config_.actor().real_time_hz(),
               Clock::Real(), &time_},
              std::move(envs), policy, &client_, writer.get());
  // Looks after what the actor cannot see while it steps or waits for room.
  std::atomic<bool> done{false};
  std::thread watch([&] { Watch(writer.get(), table.address(), &done); });
  const absl::Status status = actor.Run();
  done = true;
  watch.join();
  const bool led = follower_.connected() && !client_.finished();
  const absl::Status flushed = writer->Close(led ? kFlushTimeout : kFlushWithoutLearner);
  time_.Enter(ActorClock::kOther);  // Close may have waited for room, and ended that as a write
  SetWriter(nullptr);
  PMOE_RETURN_IF_ERROR(status);
  // The limiter may rightly keep rows out until this process has to go. Nothing that was
  // acknowledged is lost; a finished run needs no more rows.
  if (!flushed.ok() && !client_.finished()) {
    Log(LogLevel::kWarning, flushed.message());
  }
  return absl::OkStatus();
}

// Another process has this one's place, or its life has ended: it goes on as a new one.
absl::Status ActorProcess::TakeNewSeat(const absl::Status& why) {
  if (client_.Over()) return absl::OkStatus();
  Log(LogLevel::kWarning, why.message(), "; this process takes another seat");
  follower_.TakeNewSeat();
  while (!client_.Over()) {
    PMOE_RETURN_IF_ERROR(follower_.status());
    Clock::Real()->Sleep(kTick);
  }
  return absl::OkStatus();
}

absl::StatusOr<TableAssignment> ActorProcess::AwaitOrders() {
  for (std::chrono::milliseconds tick = kFirstTick;; tick = std::min(2 * tick, kTick)) {
    if (client_.Over()) return absl::CancelledError("nothing to do");
    PMOE_RETURN_IF_ERROR(follower_.status());
    const std::optional<TableAssignment> table = client_.table();
    if (table.has_value() && client_.LatestSnapshot() != nullptr) return *table;
    Clock::Real()->Sleep(tick);
  }
}

// The policy of this run's snapshots must be one for this process's task.
absl::Status ActorProcess::CheckSpec(const PolicySpec& policy) const {
  if (policy.obs_dim == env_.obs_dim && policy.action_dim == env_.action_dim &&
      policy.action_low == env_.action_low && policy.action_high == env_.action_high)
    return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the learner's policy has ", policy.obs_dim, " observations and ",
                   policy.action_dim, " actions, ", env_.id, " has ", env_.obs_dim, " and ",
                   env_.action_dim, " or other bounds; is the learner of another build?"));
}

RpcWriterOptions ActorProcess::WriterOptions(const Seat& seat, const TableAssignment& table) {
  RpcWriterOptions options;
  options.run_id = seat.run_id();
  options.seat_signature = seat.signature();
  options.security = options_.membership.security;
  options.chunks.actor = seat.index();
  options.chunks.epoch = seat.epoch();
  options.chunks.envs = config_.actor().envs();
  options.chunks.rows_max = ChunkRows(config_);
  // What lies between actor and replay grows old there. A robot does not wait.
  if (!table.lockstep() && AlgorithmOf(config_).on_policy()) {
    options.chunks_max = kChunksOnPolicy;
  } else if (!table.lockstep() && config_.actor().real_time_hz() == 0.0) {
    options.keep_fresh = true;
  }
  options.chunks.first_round = table.first_round();
  options.spec = SpecOf(table.columns());
  options.lockstep = table.lockstep();
  // A robot's rows are written by another thread, whose waits are not the robot's.
  if (config_.actor().real_time_hz() == 0.0) options.on_wait = time_.OnWait();
  options.insert_ack = &insert_ack_;
  if (!options_.audit_dir.empty()) {
    options.audit_path =
        absl::StrCat(options_.audit_dir, "/actor-", seat.index(), "-", seat.epoch(), ".log");
  }
  return options;
}

void ActorProcess::SetWriter(std::shared_ptr<RpcTransitionWriter> writer) {
  MutexLock lock(&mu_);
  writer_ = std::move(writer);
}

void ActorProcess::Watch(RpcTransitionWriter* writer, std::string address,
                         const std::atomic<bool>* done) {
  while (!*done) {
    Clock::Real()->Sleep(kTick);
    if (client_.Over()) {
      writer->Cancel();
      return;
    }
    const std::optional<TableAssignment> table = client_.table();
    if (!table.has_value() || table->address() == address) continue;
    address = table->address();
    const absl::StatusOr<RpcAddress> parsed =
        options_.membership.security.ParseAddress(address, "the table's address");
    if (parsed.ok()) writer->SetAddress(*parsed);
  }
}

// For every report, about once a second.
ActorRates ActorProcess::Rates() {
  const ActorTotals totals = client_.totals();
  ActorRates rates;
  rates.set_env_steps(totals.env_steps);
  if (steps_.Due()) steps_.Add({static_cast<double>(totals.env_steps)});
  const std::vector<double> per_second = steps_.PerSecond();
  if (!per_second.empty()) rates.set_env_steps_per_s(per_second[0]);
  rates.set_reconnects(follower_.reconnects());
  rates.set_deadline_misses(totals.deadline_misses);
  rates.set_rows_left_out(totals.rows_left_out);
  {
    MutexLock lock(&mu_);
    if (writer_ != nullptr) {
      const RpcWriterStats stats = writer_->stats();
      rates.set_unacked_chunks(stats.unacked_chunks);
      rates.set_write_blocked_s(stats.blocked_s);
      rates.set_reconnects(follower_.reconnects() + stats.reconnects);
    }
  }
  shares_.Look(time_.Seconds());
  if (ActorTime time; shares_.Fill(&time)) *rates.mutable_time() = time;
  *rates.mutable_insert_ack() = ToMessage("insert_ack", insert_ack_);
  if (exporter_ != nullptr) Export(totals, rates);
  return rates;
}

void ActorProcess::Export(const ActorTotals& totals, const ActorRates& rates) {
  exporter_->Identify({follower_.seat().run_id(), "actor", Index()});
  process_.Export(exporter_);
  const ActorSeconds seconds = time_.Seconds();
  exporter_->Set("pmoe_actor_env_steps_total", static_cast<double>(totals.env_steps));
  exporter_->Set("pmoe_actor_episodes_total", static_cast<double>(totals.episodes));
  exporter_->Set("pmoe_actor_diverged_episodes_total", static_cast<double>(totals.diverged));
  exporter_->Set("pmoe_actor_episode_return", totals.last_episode.episode_return);
  exporter_->Set("pmoe_actor_episode_length_steps", totals.last_episode.length);
  exporter_->Set("pmoe_actor_env_seconds_total", seconds.env);
  exporter_->Set("pmoe_actor_policy_seconds_total", seconds.policy);
  exporter_->Set("pmoe_actor_write_seconds_total", seconds.write);
  exporter_->Set("pmoe_actor_write_blocked_seconds_total", rates.write_blocked_s());
  exporter_->Set("pmoe_actor_idle_seconds_total", seconds.idle);
  exporter_->SetHistogram("pmoe_actor_insert_ack_seconds", insert_ack_);
  exporter_->Set("pmoe_actor_unacked_chunks", static_cast<double>(rates.unacked_chunks()));
  exporter_->Set("pmoe_actor_reconnects_total", static_cast<double>(rates.reconnects()));
  exporter_->Set("pmoe_actor_deadline_misses_total", static_cast<double>(totals.deadline_misses));
  exporter_->Set("pmoe_actor_rows_left_out_total", static_cast<double>(totals.rows_left_out));
  exporter_->Set("pmoe_actor_weights_version", static_cast<double>(totals.weights_version));
}

}  // namespace

absl::Status RunActorProcess(const ActorProcessOptions& options,
                             const std::atomic<bool>& interrupted) {
  std::unique_ptr<MetricsExporter> exporter;
  ActorProcessOptions with_metrics = options;
  if (!options.metrics.empty()) {
    PMOE_ASSIGN_OR_RETURN(exporter, MetricsExporter::Start(options.metrics));
    with_metrics.membership.process.set_metrics_address(exporter->address());
  }
  return ActorProcess(with_metrics, exporter.get(), interrupted).Run();
}

}  // namespace pmoe
