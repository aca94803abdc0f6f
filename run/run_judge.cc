#include "run/run_judge.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/config/run_config.h"
#include "common/verdict/verdict.h"
#include "common/verdict/verdict_text.h"
#include "control/wire/name_stragglers.h"
#include "run/learner_threads.h"

namespace pmoe {
namespace {

constexpr double kWindow_s = 10.0;     // of shares and rates: a change is over after that
constexpr double kActorsSteady = 0.1;  // so many may come and go in it
constexpr double kChunkRows = 64.0;
// Rows' worth of work of an update that its threads do not share: two threads made 1.72 to 1.80
// times the updates of one at 100 rows and 1.96 to 2.05 at 256 (docs/performance.md, "Threads of
// the learner").
constexpr double kSerialRows = 13.0;

Pace PaceOf(const RunConfig& config) {
  if (!IsLockstep(config)) return Pace::kLimiter;
  return config.schedule().lag() == 0 ? Pace::kTurns : Pace::kSideBySide;
}

double SerialShare(const RunConfig& config) {
  return std::min(1.0, kSerialRows / std::max(1, config.learner().batch_size()));
}

// Who does the limiter's work is asked for its words: the shard, or the learner for several.
bool IsPaused(const RunStatus& status) {
  const auto says = [](const std::string& limiter) {
    return absl::StrContains(limiter, "paused by");
  };
  return says(status.limiter()) ||
         std::any_of(status.members().begin(), status.members().end(),
                     [&](const MemberStatus& member) { return says(member.table().limiter()); });
}

const std::string& MachineOf(const ProcessInfo& process) {
  return process.machine().empty() ? process.host() : process.machine();
}

double CountActors(const RunStatus& status) {
  return static_cast<double>(std::count_if(
      status.members().begin(), status.members().end(), [](const MemberStatus& member) {
        return member.role() == RUN_ROLE_ACTOR && member.connected();
      }));
}

// Most minibatches find their rows there, where each chunk of rows is good for several: the middle
// one's time is then what a minibatch takes without waiting. 0: not known.
double SampleSeconds(const RunStatus& status) {
  constexpr double kUpdatesAChunk = 4.0;
  const double updates_per_step = status.updates_per_s() / status.env_steps_per_s();
  if (!(updates_per_step * kChunkRows >= kUpdatesAChunk)) return 0.0;
  for (const LatencyMessage& latency : status.latencies()) {
    if (latency.name() == "sample" && latency.count() > 0) return latency.p50_s();
  }
  return 0.0;
}

VerdictMessage ToMessage(const RunVerdict& verdict) {
  VerdictMessage message;
  message.set_bottleneck(BottleneckName(verdict.bottleneck));
  message.set_text(VerdictText(verdict));
  for (const VerdictGain& gain : verdict.gains) {
    GainMessage* const said = message.add_gains();
    said->set_change(gain.change);
    said->set_factor(std::round(100.0 * gain.factor) / 100.0);
  }
  return message;
}

}  // namespace

RunJudge::RunJudge(const RunConfig& config, Processes processes, const Clock* clock,
                   double (*machine_cpu)())
    : config_(config),
      processes_(processes),
      clock_(clock),
      machine_cpu_(machine_cpu),
      since_judged_(clock),
      since_change_(clock),
      machine_(kWindow_s, clock) {}

VerdictMessage RunJudge::Judge(const RunStatus& status) {
  judged_ = true;
  since_judged_.Lap();
  return ToMessage(pmoe::Judge(MeasureOf(status)));
}

RunMeasure RunJudge::MeasureOf(const RunStatus& status) {
  RunMeasure measure;
  measure.reason = ReasonToWait(status);
  measure.pace = PaceOf(config_);
  measure.one_process = one_process();
  measure.env_steps_per_s = status.env_steps_per_s();
  measure.envs = config_.actor().envs();
  if (IsLockstep(config_)) measure.steps_per_round = config_.schedule().steps_per_round();
  measure.cores_here = status.usage().cores();
  AddLearner(status, &measure);
  AddMembers(status, &measure);
  return measure;
}

// Empty: nothing stands against a verdict.
std::string RunJudge::ReasonToWait(const RunStatus& status) {
  const bool steady = IsSteady(status);  // looks each time
  if (status.state() != "running") return absl::StrCat("the run is ", status.state());
  for (const MemberStatus& member : status.members()) {
    if (member.role() == RUN_ROLE_REPLAY && !member.connected()) {
      return absl::StrCat("replay ", member.index(), " is away");
    }
  }
  if (IsPaused(status)) return "the limiter is paused";
  if (std::string warm_up = WarmUp(status); !warm_up.empty()) return warm_up;
  return steady ? "" : "the run has just begun, or changed; ten seconds are needed";
}

std::string RunJudge::WarmUp(const RunStatus& status) const {
  const ScheduleConfig& schedule = config_.schedule();
  const auto until = [](int64_t steps) { return absl::StrCat("until ", steps, " env steps"); };
  const int64_t steps = static_cast<int64_t>(status.env_steps());
  if (!AlgorithmOf(config_).on_policy()) {
    if (steps < schedule.update_after()) {
      return absl::StrCat("this is the warm-up, ", until(schedule.update_after()));
    }
    if (steps < schedule.start_steps()) {
      return absl::StrCat("actors still act at random, ", until(schedule.start_steps()));
    }
  }
  return status.updates() == 0 ? "the learner has made no update yet" : "";
}

// For the whole window. A few of many actors may come and go.
bool RunJudge::IsSteady(const RunStatus& status) {
  std::string as = absl::StrCat(status.state(), IsPaused(status), WarmUp(status));
  const double actors = CountActors(status);
  const bool same =
      as == steady_as_ && std::abs(actors - steady_actors_) <= kActorsSteady * steady_actors_;
  if (!same) {
    since_change_.Lap();
    steady_as_ = std::move(as);
    steady_actors_ = actors;
  }
  return since_change_.Elapsed() >= kWindow_s;
}

void RunJudge::AddLearner(const RunStatus& status, RunMeasure* measure) {
  LearnerMeasure& learner = measure->learner;
  const LearnerTime& time = status.time();
  learner.sample_wait = time.sample_wait();
  learner.update = time.update();
  learner.publish = time.publish();
  learner.evaluation = time.evaluation();
  learner.checkpoint = time.checkpoint();
  learner.idle = time.idle();
  learner.updates_per_s = status.updates_per_s();
  learner.threads = std::max(1, config_.learner().threads());
  learner.threads_max = std::max(learner.threads, ThreadsThatPay(config_));
  learner.serial_share = SerialShare(config_);
  learner.on_gpu = config_.learner().device() != "cpu";
  if (processes_ != Processes::kShared) {
    learner.cpu_cores = CoresOf(RUN_ROLE_LEARNER, 0, status.usage());
  }
  learner.sample_s = SampleSeconds(status);
}

bool RunJudge::IsHere(const RunStatus& status, const MemberStatus& member) const {
  return one_process() || MachineOf(member.process()) == MachineOf(status.process());
}

void RunJudge::AddMembers(const RunStatus& status, RunMeasure* measure) {
  std::map<std::string, double> machines;  // cores; 0: not said
  double ours = measure->learner.cpu_cores.value_or(0.0);
  for (const MemberStatus& member : status.members()) {
    const bool here = IsHere(status, member);
    const bool acts = member.role() == RUN_ROLE_ACTOR;
    if (acts) AddActor(status, member, measure);
    if (!member.connected()) continue;
    if (acts && !here) {
      double& cores = machines[MachineOf(member.process())];
      cores = std::max<double>(cores, member.usage().cores());
    }
    if (one_process() || !here) continue;
    const double cores = acts
                             ? measure->actors.back().cpu_cores.value_or(0.0)
                             : CoresOf(member.role(), member.index(), member.usage()).value_or(0.0);
    ours += cores;
    if (member.role() == RUN_ROLE_REPLAY) measure->replay_cores += cores;
    if (member.role() == RUN_ROLE_EVALUATOR) measure->evaluator_cores += cores;
  }
  measure->machines_elsewhere = static_cast<int>(machines.size());
  const bool all_said = std::none_of(machines.begin(), machines.end(),
                                     [](const auto& machine) { return machine.second == 0.0; });
  for (const auto& [machine, cores] : machines) {
    if (all_said) measure->cores_elsewhere += cores;
  }
  AddForeign(status, ours, measure);
}

void RunJudge::AddActor(const RunStatus& status, const MemberStatus& member, RunMeasure* measure) {
  ActorMeasure& actor = measure->actors.emplace_back(MeasureActor(member));
  actor.here = IsHere(status, member);
  if (!one_process()) {
    actor.cpu_cores = CoresOf(member.role(), member.index(), member.usage());
  }
}

// What is not of the run, where the run may use the whole machine; of a part of it, others may have
// the rest. Environments that are processes of their own count as their actors'.
void RunJudge::AddForeign(const RunStatus& status, double ours, RunMeasure* measure) {
  const double machine_s = machine_cpu_();
  const double online = static_cast<double>(::sysconf(_SC_NPROCESSORS_ONLN));
  if (machine_s <= 0.0 || status.usage().cores() < online) return;
  machine_.Add({machine_s});
  const std::vector<double> busy = machine_.PerSecond();
  if (busy.empty() || !measure->learner.cpu_cores.has_value()) return;
  const double foreign = std::max(0.0, busy[0] - ours);
  if (!absl::StartsWith(config_.env().id(), "gym-process:")) {
    measure->foreign_cores = foreign;
    return;
  }
  if (one_process()) *measure->learner.cpu_cores += foreign;
  const double here = static_cast<double>(
      std::count_if(measure->actors.begin(), measure->actors.end(),
                    [](const ActorMeasure& actor) { return actor.here && actor.cpu_cores; }));
  for (ActorMeasure& actor : measure->actors) {
    if (actor.here && actor.cpu_cores.has_value()) *actor.cpu_cores += foreign / here;
  }
}

// Over the window; nullopt: its process says nothing of it, or not for long enough.
std::optional<double> RunJudge::CoresOf(int role, uint32_t index, const ProcessUsage& usage) {
  if (usage.cores() == 0) return std::nullopt;  // of a build that does not measure this
  RecentRates& rates = cpu_.try_emplace({role, index}, kWindow_s, clock_).first->second;
  rates.Add({usage.cpu_s()});
  const std::vector<double> cores = rates.PerSecond();
  // A new process at this seat begins at 0.
  if (cores.empty() || cores[0] < 0.0) return std::nullopt;
  return cores[0];
}

}  // namespace pmoe
