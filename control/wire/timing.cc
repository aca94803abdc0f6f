#include "control/wire/timing.h"

#include <algorithm>
#include <vector>

namespace pmoe {

double AsShare(double seconds_per_second) { return std::clamp(seconds_per_second, 0.0, 1.0); }

void ActorShares::Look(const ActorSeconds& so_far) {
  if (!rates_.Due()) return;
  rates_.Add({so_far.env, so_far.policy, so_far.write, so_far.blocked, so_far.idle});
}

bool ActorShares::Fill(ActorTime* time) const {
  const std::vector<double> per_second = rates_.PerSecond();
  if (per_second.empty()) return false;
  time->set_env(AsShare(per_second[0]));
  time->set_policy(AsShare(per_second[1]));
  time->set_write(AsShare(per_second[2] - per_second[3]));
  time->set_blocked(AsShare(per_second[3]));
  time->set_idle(AsShare(per_second[4]));
  return true;
}

LatencyMessage ToMessage(const std::string& name, const LatencyHistogram& histogram) {
  const LatencyHistogram::Quantiles lately = histogram.Lately();
  LatencyMessage message;
  message.set_name(name);
  message.set_count(lately.count);
  message.set_p50_s(lately.p50);
  message.set_p90_s(lately.p90);
  message.set_p99_s(lately.p99);
  message.set_max_s(lately.max);
  return message;
}

}  // namespace pmoe
