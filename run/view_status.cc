#include "run/view_status.h"

#include "control/wire/timing.h"

namespace pmoe {
namespace {

constexpr double kHour_s = 3600.0;

void FillTime(const RunMeter::Pace& pace, LearnerTime* time) {
  const auto share = [&pace](LoopPhase phase) { return pace.shares[static_cast<size_t>(phase)]; };
  time->set_sample_wait(share(LoopPhase::kSampleWait));
  time->set_update(share(LoopPhase::kUpdate));
  time->set_publish(share(LoopPhase::kPublish));
  time->set_evaluation(share(LoopPhase::kEvaluation));
  time->set_checkpoint(share(LoopPhase::kCheckpoint));
  time->set_idle(share(LoopPhase::kIdle));
  time->clear_phases();
  for (const auto& [name, part] : pace.update_phases) {
    PhaseShare* const phase = time->add_phases();
    phase->set_name(name);
    phase->set_share(part);
  }
}

void FillMeasured(const RunMeter& meter, RunStatus* status) {
  if (const auto pace = meter.Lately()) {
    status->set_env_steps_per_s(pace->env_steps_per_s);
    status->set_updates_per_s(pace->updates_per_s);
    FillTime(*pace, status->mutable_time());
  }
  status->clear_latencies();
  *status->add_latencies() = ToMessage("sample", meter.sample_wait());
  *status->add_latencies() = ToMessage("publish_to_use", meter.policy_lag().publish_to_use());
  const std::optional<PolicyLag::Means> lag = meter.policy_lag().Lately();
  status->clear_policy_lag_versions();  // unknown is not 0
  status->clear_policy_lag_s();
  if (lag.has_value()) status->set_policy_lag_versions(lag->versions);
  if (lag.has_value()) status->set_policy_lag_s(lag->seconds);
  const auto ratio = meter.samples_per_insert().value_or(RunMeter::SamplesPerInsert());
  status->set_samples_per_insert(ratio.ratio);
  status->set_samples_per_insert_window_s(ratio.window_s);
}

// To the last row.
void FillCost(const RunMeter& meter, const MetricRow& row, RunStatus* status) {
  const auto value = [&row](const char* column) {
    const auto at = row.find(column);
    return at == row.end() ? 0.0 : at->second;
  };
  RunCost cost = meter.cost_before();
  cost.wall_s += value("wall_s");
  if (cost.cpu_s.has_value()) status->set_cpu_hours((*cost.cpu_s + value("cpu_s")) / kHour_s);
  if (cost.gpu_s.has_value()) status->set_gpu_hours((*cost.gpu_s + value("gpu_s")) / kHour_s);
  status->set_cost(cost.Money(meter.price_per_hour()).value_or(0.0));
}

}  // namespace

void FillStatus(const RunView& view, RunStatus* status) {
  status->set_env_steps(view.env_steps);
  status->set_updates(view.updates);
  status->set_policy_version(view.policy_version);
  FillMeasured(view.log->meter(), status);
  const MetricRow& row = view.log->last_row();
  if (const auto lag = row.find("sampled_lag"); lag != row.end()) {
    status->set_lag_versions(lag->second);
  }
  if (const auto lag = row.find("sampled_lag_s"); lag != row.end()) status->set_lag_s(lag->second);
  status->set_has_evaluation(view.log->eval_return().has_value());
  status->set_eval_return(view.log->eval_return().value_or(0.0));
  status->set_limiter(view.limiter);
  FillCost(view.log->meter(), view.log->last_row(), status);
}

}  // namespace pmoe
