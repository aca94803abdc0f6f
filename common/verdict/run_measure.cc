#include "common/verdict/run_measure.h"

#include <algorithm>
#include <initializer_list>

namespace pmoe {
namespace {

constexpr double kRateMax = 1e9;
constexpr double kCoresMax = 65'536.0;
constexpr double kShareSlack = 0.1;  // clocks of several threads, read one after the other
constexpr double kSilentMax_s = 1e9;
constexpr int kThreadsMax = 1024;

double Bounded(double value, double max) {
  return std::isfinite(value) ? std::clamp(value, 0.0, max) : 0.0;
}

bool IsShare(double share) { return share >= -kShareSlack && share <= 1.0 + kShareSlack; }

bool AreShares(std::initializer_list<double> shares) {
  double sum = 0.0;
  for (const double share : shares) {
    if (!IsShare(share)) return false;  // NaN too
    sum += share;
  }
  return sum <= 1.0 + kShareSlack;
}

void CleanCores(std::optional<double>* cores) {
  if (cores->has_value() && !(**cores >= 0.0 && **cores <= kCoresMax)) cores->reset();
}

void CleanActor(ActorMeasure* actor) {
  actor->silent_s = Bounded(actor->silent_s, kSilentMax_s);
  actor->steps_per_s = Bounded(actor->steps_per_s, kRateMax);
  CleanCores(&actor->cpu_cores);
  if (!actor->time.has_value()) return;
  ActorMeasure::Time& time = *actor->time;
  if (!AreShares({time.busy, time.blocked, time.idle})) {
    actor->time.reset();
    return;
  }
  for (double* share : {&time.busy, &time.blocked, &time.idle}) *share = Bounded(*share, 1.0);
}

void CleanLearner(LearnerMeasure* learner) {
  const bool sound = AreShares({learner->sample_wait, learner->update, learner->publish,
                                learner->evaluation, learner->checkpoint, learner->idle});
  for (double* share : {&learner->sample_wait, &learner->update, &learner->publish,
                        &learner->evaluation, &learner->checkpoint, &learner->idle}) {
    *share = sound ? Bounded(*share, 1.0) : 0.0;
  }
  learner->updates_per_s = Bounded(learner->updates_per_s, kRateMax);
  learner->sample_s = Bounded(learner->sample_s, 1.0);
  learner->threads = std::clamp(learner->threads, 1, kThreadsMax);
  learner->threads_max = std::clamp(learner->threads_max, learner->threads, kThreadsMax);
  learner->serial_share = Bounded(learner->serial_share, 1.0);
  CleanCores(&learner->cpu_cores);
}

}  // namespace

RunMeasure Clean(RunMeasure measure) {
  measure.env_steps_per_s = Bounded(measure.env_steps_per_s, kRateMax);
  for (ActorMeasure& actor : measure.actors) CleanActor(&actor);
  CleanLearner(&measure.learner);
  for (double* cores : {&measure.cores_here, &measure.cores_elsewhere, &measure.replay_cores,
                        &measure.evaluator_cores, &measure.foreign_cores}) {
    *cores = Bounded(*cores, kCoresMax);
  }
  measure.machines_elsewhere = std::max(0, measure.machines_elsewhere);
  measure.envs = std::max(1, measure.envs);
  measure.steps_per_round = std::max<int64_t>(0, measure.steps_per_round);
  return measure;
}

}  // namespace pmoe
