#include "replay/service/replay_process.h"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/file_lock.h"
#include "common/base/log.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"
#include "common/base/thread_name.h"
#include "common/metrics/disk_metrics.h"
#include "common/metrics/process_metrics.h"
#include "common/metrics/rejection_metrics.h"
#include "common/rpc/refusals.h"
#include "common/rpc/server.h"
#include "control/client/kept_seat.h"
#include "replay/service/replay_service.h"
#include "replay/service/stall_report.h"

namespace pmoe {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTick{50};
constexpr std::chrono::seconds kLockWait{12};  // longer than an ending process may take
constexpr int kLookEvery = 20;                 // ticks between two looks at the counts
constexpr std::chrono::seconds kTendEvery{1};
constexpr std::chrono::seconds kTendAgain{60};
constexpr milliseconds kDrainGrace{2500};  // for streams to end by themselves
constexpr milliseconds kStopGrace{500};    // for calls that are still open then

// The membership's half: counts up, the end of the run down.
class Member : public FollowerHandler {
 public:
  Member(ReplayServer* service, std::string dir) : service_(service), dir_(std::move(dir)) {}

  void FillReport(FollowerMessage* message) override {
    *message->mutable_table() = service_->Stats();
    const DiskSpace disk = DiskSpaceAt(dir_);
    message->mutable_table()->mutable_disk()->set_free_bytes(disk.free_bytes);
    message->mutable_table()->mutable_disk()->set_total_bytes(disk.total_bytes);
  }
  absl::Status OnMessage(LearnerMessage message) override {
    if (message.directive().state() == DirectiveMessage::FINISHED) finished_ = true;
    return absl::OkStatus();
  }
  bool finished() const { return finished_; }

 private:
  ReplayServer* const service_;
  const std::string dir_;
  std::atomic<bool> finished_{false};
};

// What a shard tells of itself at /metrics (docs/metrics.md).
void Export(const TableStats& stats, const ShardStats& counts, const SegmentLogStats& log,
            MetricsExporter* metrics) {
  const auto set = [metrics](absl::string_view name, auto value, const std::string& label = "") {
    metrics->Set(name, static_cast<double>(value), label);
  };
  set("pmoe_replay_size_rows", stats.size());
  set("pmoe_replay_memory_bytes", stats.bytes());
  set("pmoe_replay_inserts_total", stats.inserted());
  set("pmoe_replay_samples_total", stats.sampled());
  if (stats.inserted() > 0) {
    set("pmoe_replay_samples_per_insert",
        static_cast<double>(stats.sampled()) / static_cast<double>(stats.inserted()));
  }
  set("pmoe_replay_loaded_rows_total", stats.loaded());
  set("pmoe_replay_limiter_blocked_seconds_total", stats.insert_blocked_s(), "insert");
  set("pmoe_replay_limiter_blocked_seconds_total", stats.sample_blocked_s(), "sample");
  // How long the limiter has let each side wait by now.
  set("pmoe_replay_limiter_waiting_seconds", counts.inserts_blocked.current, "insert");
  set("pmoe_replay_limiter_waiting_seconds", counts.samples_blocked.current, "sample");
  set("pmoe_replay_duplicates_total", stats.duplicates());
  set("pmoe_replay_priorities_gone_total", stats.priorities_gone());
  set("pmoe_replay_crc_errors_total", stats.crc_errors());
  set("pmoe_replay_rows_lost_total", stats.rows_lost());
  set("pmoe_replay_log_bytes_total", log.bytes);
  set("pmoe_replay_log_sync_seconds_total", log.sync_s);
  set("pmoe_replay_log_behind_seconds", log.behind_s);
  set("pmoe_replay_log_errors_total", log.errors);
  set("pmoe_replay_writers", stats.writers());
  for (const auto& [caller, count] : Refusals::OfProcess().Counts()) {
    set("pmoe_rpc_refused_total", count, caller);
  }
  ExportRejections(metrics);
}

// Where others find a server that listens on `bound`: what --advertise says, port 0 being the one
// bound; else a name that means this machine.
std::string FoundAt(const RpcAddress& bound, RpcAddress advertise, const std::string& host) {
  if (advertise.host.empty()) {
    advertise = bound;
    if (bound.is_any()) advertise.host = host;
  }
  if (!advertise.is_unix && advertise.port == 0) advertise.port = bound.port;
  return advertise.Text();
}

// What was said of each table, by its name, so that nothing is said twice.
struct Said {
  StallReport stalls;
  uint64_t losses = 0;
};
using SaidByTable = std::map<std::string, Said>;

void LookAtTable(const ServedTable& table, Said* said) {
  const std::string of = table.name().empty() ? "" : absl::StrCat("table ", table.name(), ": ");
  const ShardStats counts = table.Counts();
  if (counts.rows_lost > said->losses) {
    Log(LogLevel::kWarning, of, counts.rows_lost, " rows that were acknowledged are lost by now");
  }
  said->losses = counts.rows_lost;
  for (const std::string& line : said->stalls.Look(counts, table.Explain())) {
    Log(LogLevel::kWarning, of, line);
  }
}

// Every second: long waits and new losses to stderr, everything else to /metrics.
void LookAtTables(const ReplayServer& service, const std::string& dir, SaidByTable* said,
                  ProcessMetrics* process, MetricsExporter* metrics) {
  for (const ServedTable* const table : service.Tables()) {
    LookAtTable(*table, &(*said)[table->name()]);
    if (metrics == nullptr || table->name().empty()) continue;
    metrics->Set("pmoe_replay_table_rows", static_cast<double>(table->Counts().size),
                 table->name());
  }
  if (metrics == nullptr) return;
  process->Export(metrics);
  Export(service.Stats(), service.Counts(), service.LogStats(), metrics);
  ExportDisk("replay", dir, metrics);
}

// A thread that saves the table where its log has become long, so that neither the looks at it nor
// the process's end wait for that. Thread-compatible.
class Tender {
 public:
  explicit Tender(ReplayServer* service) : thread_([this, service] { Loop(service); }) {}
  ~Tender() { Stop(); }

  // Once the service drains, which ends a save.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_) {
    {
      MutexLock lock(&mu_);
      over_ = true;
      changed_.NotifyAll();
    }
    if (thread_.joinable()) thread_.join();
  }

 private:
  void Loop(ReplayServer* service) ABSL_LOCKS_EXCLUDED(mu_) {
    NameThread("tender");
    for (std::chrono::seconds pause = kTendEvery; !IsOverAfter(pause);) {
      const absl::Status status = service->Tend();
      pause = status.ok() ? kTendEvery : kTendAgain;  // a disk without room now
      if (status.ok()) continue;
      Log(LogLevel::kWarning, "no checkpoint could take the log's place: ", status.message());
    }
  }
  bool IsOverAfter(std::chrono::seconds pause) ABSL_LOCKS_EXCLUDED(mu_) {
    const Clock::Time until = Clock::Real()->Now() + pause;
    MutexLock lock(&mu_);
    while (!over_ && changed_.WaitUntil(&mu_, until)) {
    }
    return over_;
  }

  Mutex mu_;
  CondVar changed_;
  bool over_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;  // last: it uses what stands above
};

// OK: the run is finished, or the process shall end.
absl::Status Serve(const Member& member, const RunFollower& follower, ReplayServer* service,
                   const std::string& dir, KeptSeat* seat, MetricsExporter* metrics,
                   const std::atomic<bool>& interrupted) {
  SaidByTable said;
  ProcessMetrics process;
  for (int tick = 1; !interrupted && !member.finished(); ++tick) {
    const absl::Status status = follower.status();
    if (!status.ok()) return absl::IsCancelled(status) ? absl::OkStatus() : status;
    if (tick % kLookEvery == 0) {
      LookAtTables(*service, dir, &said, &process, metrics);
      seat->Tend();
    }
    Clock::Real()->Sleep(kTick);
  }
  return absl::OkStatus();
}

absl::Status JoinAndServe(RunFollower* follower, const Member& member, ReplayServer* service,
                          const std::string& dir, KeptSeat* seat, MetricsExporter* metrics,
                          const std::atomic<bool>& interrupted) {
  const absl::StatusOr<JoinReply> joined = follower->Join(interrupted);
  if (absl::IsCancelled(joined.status())) return absl::OkStatus();
  PMOE_RETURN_IF_ERROR(joined.status());
  service->AdoptRun(joined->seat().run_id());
  if (metrics != nullptr) {
    metrics->Identify({joined->seat().run_id(), "replay", absl::StrCat(joined->seat().index())});
  }
  follower->Follow();
  return Serve(member, *follower, service, dir, seat, metrics, interrupted);
}

// One process at a time writes there: two would cut each other's log. An older one may still be
// ending, within its grace. nullopt: the file system knows no locks.
absl::StatusOr<std::optional<FileLock>> LockTables(const std::string& dir,
                                                   const std::atomic<bool>& interrupted) {
  const Clock::Time give_up = Clock::Real()->Now() + kLockWait;
  while (!interrupted) {
    absl::StatusOr<std::optional<FileLock>> lock = FileLock::TryFolder(dir);
    if (!lock.ok()) {
      Log(LogLevel::kWarning, "nothing keeps a second process out of ", dir, ": ",
          lock.status().message());
      return std::nullopt;
    }
    if (lock->has_value()) return lock;
    if (Clock::Real()->Now() >= give_up) {
      return absl::FailedPreconditionError(absl::StrCat("another pmoe-replay serves the tables in ",
                                                        dir, "; stop it, or give another --dir"));
    }
    Clock::Real()->Sleep(kTick);
  }
  return absl::CancelledError("interrupted before the tables were its own");
}

}  // namespace

absl::Status RunReplayProcess(const ReplayProcessOptions& options,
                              const std::atomic<bool>& interrupted) {
  PMOE_RETURN_IF_ERROR(MakeDirs(options.dir));
  PMOE_ASSIGN_OR_RETURN(const std::optional<FileLock> lock, LockTables(options.dir, interrupted));
  SweepTemporaries(options.dir);
  std::unique_ptr<MetricsExporter> metrics;
  if (!options.metrics.empty()) {
    PMOE_ASSIGN_OR_RETURN(metrics, MetricsExporter::Start(options.metrics));
  }
  ReplayServer service(options.dir);
  PMOE_ASSIGN_OR_RETURN(const std::unique_ptr<RpcServer> server,
                        RpcServer::Start(options.listen, {&service}, options.membership.security));
  Log(LogLevel::kInfo, "listening on ", server->address().Text());
  Member member(&service, options.dir);
  RunFollowerOptions membership = options.membership;
  membership.role = RUN_ROLE_REPLAY;
  membership.process.set_listen_address(
      FoundAt(server->address(), options.advertise, membership.process.host()));
  if (metrics != nullptr) membership.process.set_metrics_address(metrics->address());
  // After any end the rows of the folder are the same shard's again.
  KeptSeat seat(options.dir + "/seat");
  membership.previous = seat.seat();
  membership.on_seat = [&seat](const Seat& given) { seat.Set(given); };
  RunFollower follower(std::move(membership), &member);
  Tender tender(&service);
  absl::Status status =
      JoinAndServe(&follower, member, &service, options.dir, &seat, metrics.get(), interrupted);

  server->SetServing(false);
  service.Drain(kDrainGrace);
  server->Stop(kStopGrace);
  tender.Stop();
  status.Update(service.SaveAtEnd());
  follower.Leave();
  if (status.ok()) Log(LogLevel::kInfo, "left in order");
  return status;
}

}  // namespace pmoe
