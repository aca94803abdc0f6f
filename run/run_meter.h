// What a training loop knows of its own time and pace: what the learner's thread does, how fast
// steps and updates come, how far actors lag, how long minibatches take. The loop enters its phases
// and says what happens; rows and status read it. Times are no part of the reproducible state.
// Thread-compatible.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/activity_clock.h"
#include "common/base/recent_rates.h"
#include "common/metrics/latency_histogram.h"
#include "replay/core/experience.h"
#include "run/learner.h"
#include "run/policy_lag.h"
#include "run/run_cost.h"

namespace pmoe {

// What the learner's thread does; kOther: it looks after members and writes down what happened.
enum class LoopPhase : size_t {
  kSampleWait,
  kUpdate,
  kPublish,
  kEvaluation,  // waits for the evaluator
  kCheckpoint,
  kIdle,  // waits for the actors' round
  kOther,
};
inline constexpr size_t kLoopPhases = static_cast<size_t>(LoopPhase::kOther) + 1;

class RunMeter {
 public:
  // own_rows: of a minibatch, from the run's own table (not demonstrations); 0: all.
  explicit RunMeter(int own_rows = 0, const Clock* clock = Clock::Real());

  void Enter(LoopPhase phase) { time_.Enter(static_cast<size_t>(phase)); }
  // A phase for as long as this lives; then the one before goes on.
  class During {
   public:
    During(RunMeter* meter, LoopPhase phase) : meter_(meter), before_(meter->phase()) {
      meter->Enter(phase);
    }
    ~During() { meter_->Enter(before_); }
    During(const During&) = delete;
    During& operator=(const During&) = delete;

   private:
    RunMeter* const meter_;
    const LoopPhase before_;
  };

  // Waits for a minibatch or rollout from here, or from the last call that no OnSample followed.
  void AwaitSample();
  // It has come: the update begins.
  void OnSample(const Experience& experience);
  // What all processes of the run have used since this one began. Until then it is not known.
  void SetCpuSeconds(double cpu_s) { cpu_s_ = cpu_s; }
  void SetGpuSeconds(double gpu_s) { gpu_s_ = gpu_s; }
  // What the run's lives before this one took; the price of all its machines, 0: none.
  void SetCost(const RunCost& before, double price_per_hour) {
    cost_before_ = before;
    price_per_hour_ = price_per_hour;
  }
  PolicyLag& policy_lag() { return policy_lag_; }
  const PolicyLag& policy_lag() const { return policy_lag_; }

  // Looks at the counts, now and then; call it as often as you like.
  void Look(uint64_t env_steps, uint64_t updates, const Learner& learner);

  // So far, seconds.
  double Seconds(LoopPhase phase) const { return time_.Seconds()[static_cast<size_t>(phase)]; }
  std::optional<double> cpu_s() const { return cpu_s_; }
  std::optional<double> gpu_s() const { return gpu_s_; }
  const RunCost& cost_before() const { return cost_before_; }
  double price_per_hour() const { return price_per_hour_; }
  // Over the last 10 s.
  struct Pace {
    double env_steps_per_s = 0.0;
    double updates_per_s = 0.0;
    std::vector<double> shares{};  // [kLoopPhases] of the learner's time
    std::vector<std::pair<std::string, double>> update_phases{};  // parts of the update's share
  };
  // nullopt: not known yet.
  std::optional<Pace> Lately() const;
  // Rows sampled for each row inserted over the last minute.
  struct SamplesPerInsert {
    double ratio = 0.0;
    double window_s = 0.0;
  };
  // nullopt: nothing was inserted.
  std::optional<SamplesPerInsert> samples_per_insert() const;
  const LatencyHistogram& sample_wait() const { return sample_wait_; }

 private:
  LoopPhase phase() const { return static_cast<LoopPhase>(time_.current()); }

  const size_t own_rows_;
  ActivityClock time_;
  RecentRates pace_;
  RecentRates rows_;
  std::vector<std::string> update_phases_;  // names
  uint64_t rows_sampled_ = 0;
  std::optional<Clock::Time> asked_;  // for the sample that has not come
  LatencyHistogram sample_wait_;
  PolicyLag policy_lag_;
  std::optional<double> cpu_s_, gpu_s_;
  RunCost cost_before_;
  double price_per_hour_ = 0.0;
};

}  // namespace pmoe
