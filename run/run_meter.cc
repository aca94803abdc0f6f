#include "run/run_meter.h"

#include <algorithm>
#include <chrono>

namespace pmoe {
namespace {

constexpr double kPaceWindow_s = 10.0;
constexpr double kRowsWindow_s = 60.0;
constexpr size_t kEnvSteps = kLoopPhases, kUpdates = kLoopPhases + 1, kPhases = kLoopPhases + 2;

}  // namespace

RunMeter::RunMeter(int own_rows, const Clock* clock)
    : own_rows_(own_rows > 0 ? static_cast<size_t>(own_rows) : SIZE_MAX),
      time_(kLoopPhases, clock),
      pace_(kPaceWindow_s, clock),
      rows_(kRowsWindow_s, clock),
      sample_wait_(clock),
      policy_lag_(clock) {}

void RunMeter::AwaitSample() {
  const Clock::Time now = time_.Enter(static_cast<size_t>(LoopPhase::kSampleWait));
  if (!asked_.has_value()) asked_ = now;
}

void RunMeter::OnSample(const Experience& experience) {
  const Clock::Time now = time_.Enter(static_cast<size_t>(LoopPhase::kUpdate));
  sample_wait_.Add(std::chrono::duration<double>(now - asked_.value_or(now)).count());
  asked_.reset();
  const absl::Span<const uint32_t> versions = PolicyVersions(experience);
  rows_sampled_ += std::min(versions.size(), own_rows_);
  policy_lag_.OnRows(versions);
}

void RunMeter::Look(uint64_t env_steps, uint64_t updates, const Learner& learner) {
  const auto steps = static_cast<double>(env_steps);
  if (rows_.Due()) rows_.Add({static_cast<double>(rows_sampled_), steps});
  if (!pace_.Due()) return;
  std::vector<double> counts = time_.Seconds();
  counts.insert(counts.end(), {steps, static_cast<double>(updates)});
  if (const PhaseClock* const phases = learner.phases(); phases != nullptr) {
    update_phases_ = phases->names();
    counts.insert(counts.end(), phases->seconds().begin(), phases->seconds().end());
  }
  pace_.Add(std::move(counts));
}

std::optional<RunMeter::Pace> RunMeter::Lately() const {
  const std::vector<double> per_second = pace_.PerSecond();
  if (per_second.empty()) return std::nullopt;
  Pace pace;
  pace.env_steps_per_s = per_second[kEnvSteps];
  pace.updates_per_s = per_second[kUpdates];
  const auto share = [&](size_t i) { return std::clamp(per_second[i], 0.0, 1.0); };
  for (size_t phase = 0; phase < kLoopPhases; ++phase) pace.shares.push_back(share(phase));
  for (size_t i = 0; i < update_phases_.size(); ++i) {
    pace.update_phases.emplace_back(update_phases_[i], share(kPhases + i));
  }
  return pace;
}

std::optional<RunMeter::SamplesPerInsert> RunMeter::samples_per_insert() const {
  const std::vector<double> per_second = rows_.PerSecond();
  if (per_second.empty() || !(per_second[1] > 0.0)) return std::nullopt;
  return SamplesPerInsert{per_second[0] / per_second[1], rows_.seconds()};
}

}  // namespace pmoe
