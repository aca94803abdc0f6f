#include "run/view_status.h"

namespace pmoe {

void FillStatus(const RunView& view, RunStatus* status) {
  status->set_env_steps(view.env_steps);
  status->set_updates(view.updates);
  status->set_policy_version(view.policy_version);
  status->set_env_steps_per_s(view.log->env_steps_per_s());
  status->set_updates_per_s(view.log->updates_per_s());
  const MetricRow& row = view.log->last_row();
  if (const auto lag = row.find("sampled_lag"); lag != row.end()) {
    status->set_lag_versions(lag->second);
  }
  if (const auto lag = row.find("sampled_lag_s"); lag != row.end()) status->set_lag_s(lag->second);
  status->set_has_evaluation(view.log->eval_return().has_value());
  status->set_eval_return(view.log->eval_return().value_or(0.0));
  status->set_limiter(view.limiter);
}

}  // namespace pmoe
