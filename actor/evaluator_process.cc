#include "actor/evaluator_process.h"

#include <deque>
#include <functional>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "actor/configured_env.h"
#include "actor/evaluator.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "common/metrics/exporter.h"
#include "common/metrics/process_metrics.h"
#include "control/client/env_sender.h"
#include "control/client/run_follower.h"
#include "control/wire/run_messages.h"
#include "control/wire/snapshot_assembler.h"

namespace pmoe {
namespace {

// The snapshot to play and the results to send. Thread-safe.
class EvaluationDesk : public FollowerHandler {
 public:
  // Before Follow. `report_now`: asked to send a report soon.
  void SetEnv(EnvRecord env, std::function<void()> report_now) {
    sender_.Set(std::move(env));
    report_now_ = std::move(report_now);
  }
  // Before Follow. Asked for with every report.
  void SetExport(std::function<void()> export_now) { export_now_ = std::move(export_now); }

  // The snapshot to play now; null if none comes for a while.
  std::shared_ptr<const PolicySnapshot> Next() ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    if (job_ == nullptr) changed_.WaitBriefly(&mu_);
    return std::exchange(job_, nullptr);
  }
  void Send(EvaluationMessage result) ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    results_.push_back(std::move(result));
  }
  bool finished() const { return finished_; }

  void FillFirst(FollowerMessage* message) override {
    *message->mutable_env() = sender_.spec();
    sender_.Stop();
  }

  void FillReport(FollowerMessage* message) override ABSL_LOCKS_EXCLUDED(mu_) {
    if (sender_.Fill(message)) report_now_();
    export_now_();
    MutexLock lock(&mu_);
    message->set_policy_version(version_);
    if (results_.empty()) return;
    *message->mutable_evaluation() = std::move(results_.front());
    results_.pop_front();
  }

  absl::Status OnMessage(LearnerMessage message) override ABSL_LOCKS_EXCLUDED(mu_) {
    if (message.send_env_files()) {
      sender_.Start();
      report_now_();
    }
    if (message.has_snapshot()) {
      PMOE_ASSIGN_OR_RETURN(auto snapshot, assembler_.Add(message.snapshot()));
      if (snapshot != nullptr) received_ = std::move(snapshot);
    }
    MutexLock lock(&mu_);
    if (message.has_evaluate() && received_ != nullptr &&
        received_->version == message.evaluate().version()) {
      version_ = received_->version;
      job_ = received_;
      changed_.NotifyAll();
    }
    if (message.directive().state() != DirectiveMessage::FINISHED) return absl::OkStatus();
    finished_ = true;
    changed_.NotifyAll();
    return absl::CancelledError("the run is finished");
  }

 private:
  EnvSender sender_;
  std::function<void()> report_now_;
  std::function<void()> export_now_ = [] {};
  SnapshotAssembler assembler_;                     // the reading thread's
  std::shared_ptr<const PolicySnapshot> received_;  // the reading thread's
  std::atomic<bool> finished_{false};
  Mutex mu_;
  CondVar changed_;
  std::shared_ptr<const PolicySnapshot> job_ ABSL_GUARDED_BY(mu_);
  uint64_t version_ ABSL_GUARDED_BY(mu_) = 0;
  std::deque<EvaluationMessage> results_ ABSL_GUARDED_BY(mu_);
};

// Evaluates what comes until it is over.
absl::Status Serve(const RunConfig& config, RunFollower* follower, EvaluationDesk* desk,
                   MetricsExporter* exporter, const std::atomic<bool>& interrupted) {
  std::unique_ptr<Evaluator> evaluator;
  uint64_t architecture = 0;
  double total_s = 0.0;
  while (!interrupted && !desk->finished()) {
    PMOE_RETURN_IF_ERROR(follower->status());
    const std::shared_ptr<const PolicySnapshot> snapshot = desk->Next();
    if (snapshot == nullptr) continue;
    if (evaluator == nullptr || snapshot->spec.Hash() != architecture) {
      PMOE_ASSIGN_OR_RETURN(evaluator,
                            Evaluator::Create(EvaluatorOptionsFromConfig(config), snapshot->spec,
                                              [&config] { return MakeConfiguredEnv(config); }));
      architecture = snapshot->spec.Hash();
    }
    const absl::StatusOr<Evaluation> evaluation =
        evaluator->Run(snapshot, static_cast<uint32_t>(snapshot->env_steps),
                       [&] { return interrupted || desk->finished(); });
    PMOE_RETURN_IF_ERROR(evaluation.status());
    if (exporter != nullptr) {
      if (!evaluation->returns.empty()) {
        exporter->Set("pmoe_evaluator_return", evaluation->return_mean);
      }
      exporter->Set("pmoe_evaluator_seconds_total", total_s += evaluation->seconds);
      exporter->Set("pmoe_evaluator_weights_version", static_cast<double>(snapshot->version));
    }
    desk->Send(ToMessage(snapshot->version, *evaluation));
    follower->ReportNow();
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RunEvaluatorProcess(const ActorProcessOptions& options,
                                 const std::atomic<bool>& interrupted) {
  RunFollowerOptions membership = options.membership;
  membership.role = RUN_ROLE_EVALUATOR;
  std::unique_ptr<MetricsExporter> exporter;
  if (!options.metrics.empty()) {
    PMOE_ASSIGN_OR_RETURN(exporter, MetricsExporter::Start(options.metrics));
    membership.process.set_metrics_address(exporter->address());
  }
  EvaluationDesk desk;
  RunFollower follower(membership, &desk);
  PMOE_ASSIGN_OR_RETURN(const JoinReply joined, follower.Join(interrupted));
  // The learner may be of another build, with choices that this one does not know.
  PMOE_RETURN_IF_ERROR(ValidateConfig(joined.config()));
  PMOE_ASSIGN_OR_RETURN(EnvRecord record, RecordConfiguredEnv(joined.config(), nullptr));
  desk.SetEnv(std::move(record), [&follower] { follower.ReportNow(); });
  ProcessMetrics process;  // the reporting thread's
  if (exporter != nullptr) {
    exporter->Identify({joined.seat().run_id(), "evaluator", absl::StrCat(joined.seat().index())});
    desk.SetExport([&] { process.Export(exporter.get()); });
  }
  follower.Follow();
  const absl::Status status = Serve(joined.config(), &follower, &desk, exporter.get(), interrupted);
  follower.Leave();
  return status;
}

}  // namespace pmoe
