// The verdict on a run from its own status: what holds it back, about once a second. It gathers the
// measures of common/verdict from what members and the learner say of themselves, waits until all
// of them are of one steady stretch, and knows the machine's other load. Used by the loop's thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "common/base/process_usage.h"
#include "common/base/recent_rates.h"
#include "common/base/stopwatch.h"
#include "common/verdict/run_measure.h"
#include "proto/config.pb.h"
#include "proto/run.pb.h"

namespace pmoe {

class RunJudge {
 public:
  enum class Processes {
    kSeveral,  // a cluster
    kOne,      // actors are threads of this process
    kShared    // and so are other runs: what the process uses says nothing of this one
  };
  // `config` is resolved. `machine_cpu`: CPU-seconds of everything on this machine so far; 0: not
  // known.
  RunJudge(const RunConfig& config, Processes processes, const Clock* clock = Clock::Real(),
           double (*machine_cpu)() = MachineCpuSeconds);

  // Whether a second has passed since the last verdict.
  bool Due() const { return !judged_ || since_judged_.Elapsed() >= kEvery_s; }
  // `status` is the run's as it is now, members included.
  VerdictMessage Judge(const RunStatus& status);
  // What it is judged by.
  RunMeasure MeasureOf(const RunStatus& status);

 private:
  static constexpr double kEvery_s = 1.0;

  std::string ReasonToWait(const RunStatus& status);
  std::string WarmUp(const RunStatus& status) const;
  bool IsSteady(const RunStatus& status);
  void AddLearner(const RunStatus& status, RunMeasure* measure);
  void AddMembers(const RunStatus& status, RunMeasure* measure);
  void AddActor(const RunStatus& status, const MemberStatus& member, RunMeasure* measure);
  void AddForeign(const RunStatus& status, double ours, RunMeasure* measure);
  bool IsHere(const RunStatus& status, const MemberStatus& member) const;
  bool one_process() const { return processes_ != Processes::kSeveral; }
  std::optional<double> CoresOf(int role, uint32_t index, const ProcessUsage& usage);

  const RunConfig config_;
  const Processes processes_;
  const Clock* const clock_;
  double (*const machine_cpu_)();
  bool judged_ = false;
  Stopwatch since_judged_;
  Stopwatch since_change_;
  std::string steady_as_{};                                // what the run has been like since then
  double steady_actors_ = -1.0;                            // and how many took part
  std::map<std::pair<int, uint32_t>, RecentRates> cpu_{};  // by role and index
  RecentRates machine_;
};

}  // namespace pmoe
