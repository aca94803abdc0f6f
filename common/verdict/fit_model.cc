#include "common/verdict/fit_model.h"

#include <algorithm>
#include <vector>

namespace pmoe {
namespace {

constexpr int kIterations = 40;
constexpr double kTolerance = 1e-4;
constexpr double kEvaluatorBinds = 0.1;  // of the learner's time; less is part of its work
constexpr double kForeignCounts = 0.25;  // cores
constexpr double kPilesUp = 1.25;
constexpr double kRateLeast = 1e-3;  // of an actor, over the mean
constexpr double kWaitMax = 0.999;   // of an actor whose steps are counted all the same

// How far ahead one side may be, in the places of run_model.h. Both are far more rows than one
// side's times vary by, so that only their being many counts.
constexpr double kPlacesOfLimiter = 32.0;
constexpr double kPlacesOfRounds = 16.0;

double WaitOf(const ActorMeasure& actor, Pace pace) {
  const double idle = pace == Pace::kLimiter ? 0.0 : actor.time->idle;  // else: a robot's pace
  return std::min(kWaitMax, actor.time->blocked + idle);
}

double MiddleOf(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// The actors as one station.
struct Station {
  double actors = 0.0;       // of the middle kind
  double work = 0.0;         // share of an actor's time that its steps take
  double wait = 0.0;         // share of it that ends sooner with a faster learner
  double steps_per_s = 0.0;  // that they make; more than the run's while rows pile up on their way
  double cpu_cores = 0.0;    // all together
  bool knows_cpu = true;
  double here = 1.0;  // share of them
};

void AddWhere(const RunMeasure& measure, Station* station) {
  double here = 0.0, all = 0.0;
  for (const ActorMeasure& actor : measure.actors) {
    if (!IsMeasured(actor)) continue;
    all += 1.0;
    if (actor.here) here += 1.0;
    station->knows_cpu = station->knows_cpu && actor.cpu_cores.has_value();
    station->cpu_cores += actor.cpu_cores.value_or(0.0);
  }
  station->here = here / all;
}

// Actors make more steps than replay counts, by more than two windows differ: what lies between
// them fills, and then they wait.
bool PilesUp(const RunMeasure& measure) {
  double rate = 0.0;
  for (const ActorMeasure& actor : measure.actors)
    rate += IsMeasured(actor) ? actor.steps_per_s : 0.0;
  return rate > kPilesUp * measure.env_steps_per_s;
}

// Async: each goes at its own pace, and one that is slow adds less than one.
Station FreeActors(const RunMeasure& measure) {
  std::vector<double> capacities;
  double rate = 0.0, capacity = 0.0;
  // Rows come in chunks: one that waits long for room may have made none lately.
  const double least =
      kRateLeast * measure.env_steps_per_s / static_cast<double>(measure.actors.size());
  for (const ActorMeasure& actor : measure.actors) {
    if (!IsMeasured(actor)) continue;
    const double steps_per_s = std::max(least, actor.steps_per_s);
    capacities.push_back(steps_per_s / (1.0 - WaitOf(actor, measure.pace)));
    rate += steps_per_s;
    capacity += capacities.back();
  }
  Station station;
  const double middle = MiddleOf(capacities);
  const double count = static_cast<double>(capacities.size());
  station.actors = middle > 0.0 ? std::min(capacity / middle, 2.0 * count) : count;
  const bool piles_up = PilesUp(measure);
  station.steps_per_s = piles_up ? rate : measure.env_steps_per_s;
  if (piles_up) rate = measure.env_steps_per_s;
  station.wait = capacity > 0.0 ? 1.0 - rate / capacity : 0.0;
  station.work = 1.0 - station.wait;
  return station;
}

// Lockstep: a round lasts as long as its slowest actor.
Station ActorsOfRounds(const RunMeasure& measure) {
  Station station;
  station.steps_per_s = measure.env_steps_per_s;
  for (const ActorMeasure& actor : measure.actors) {
    if (!IsMeasured(actor)) continue;
    station.actors += 1.0;
    station.work = std::max(station.work, actor.time->busy);
  }
  if (measure.pace == Pace::kTurns && measure.learner.idle > 0.0) {
    station.work = std::min(station.work, measure.learner.idle);
  }
  station.wait = 1.0 - station.work;
  return station;
}

Station ActorsOf(const RunMeasure& measure) {
  Station station = measure.pace == Pace::kLimiter ? FreeActors(measure) : ActorsOfRounds(measure);
  AddWhere(measure, &station);
  return station;
}

class Fit {
 public:
  explicit Fit(const RunMeasure& measure)
      : measure_(measure),
        learner_(measure.learner),
        actors_(ActorsOf(measure)),
        step_s_(1.0 / measure.env_steps_per_s) {
    AttributeWaits();
  }

  RunModel Run() {
    RunModel model = Model();
    for (int i = 0; i < kIterations; ++i) {
      const RunRates rates = Predict(model);
      const double change = Approach(rates.stretch_actors, &stretch_actors_) +
                            Approach(rates.stretch_serial, &stretch_serial_) +
                            Approach(rates.stretch_shared, &stretch_shared_);
      model = Model();
      if (change < kTolerance) break;
    }
    return model;
  }

 private:
  // Halfway; returns how far it was.
  static double Approach(double to, double* value) {
    const double from = *value;
    *value = 0.5 * (from + to);
    return std::abs(to - from);
  }

  // What waiting counts as work.
  void AttributeWaits() {
    const double learner_wait = LearnerWait(measure_);
    sleep_share_ = std::max(0.0, 1.0 - learner_.all());
    if (!EvaluatorBinds(measure_)) sleep_share_ += learner_.evaluation;
    if (measure_.pace == Pace::kTurns) {
      // Of the actors' turn, what is not an actor's: orders, reports, the last rows.
      sleep_share_ += std::max(0.0, learner_.idle - actors_.work);
      cpu_share_ = learner_.sample_wait;
      return;
    }
    if (measure_.pace == Pace::kLimiter) sleep_share_ += learner_.sampling();
    if (learner_wait <= actors_.wait) {
      sleep_share_ += learner_wait;
    } else {
      actors_.work += actors_.wait;
    }
    if (measure_.pace == Pace::kSideBySide) cpu_share_ = learner_.sample_wait;
  }

  RunModel Model() const {
    RunModel model;
    model.places = Places();
    model.actors = actors_.actors;
    model.actors_here = actors_.here;
    model.serial_share = learner_.serial_share;
    model.threads = learner_.threads;
    model.machines_elsewhere = measure_.machines_elsewhere;
    if (EvaluatorBinds(measure_)) model.steps_per_s_max = measure_.env_steps_per_s;
    AddLearner(&model);
    AddActors(&model);
    if (!KnowsCores()) return model;
    model.cores_here = measure_.cores_here;
    if (measure_.cores_elsewhere > 0.0 && measure_.machines_elsewhere > 0) {
      model.cores_elsewhere = measure_.cores_elsewhere / measure_.machines_elsewhere;
    }
    return model;
  }

  double Places() const {
    if (measure_.pace == Pace::kTurns) return 1.0;
    return measure_.pace == Pace::kLimiter ? kPlacesOfLimiter : kPlacesOfRounds;
  }

  bool KnowsCores() const {
    const bool actors = measure_.one_process || actors_.knows_cpu;
    return measure_.cores_here > 0.0 && learner_.cpu_cores.has_value() && actors;
  }

  // By the clock on the wall, and so by the stretch; a process of its own says its CPU time too, of
  // which the update has what it can have had.
  void AddLearner(RunModel* model) const {
    const double serial = learner_.serial_share;
    const double rest = learner_.publish + learner_.checkpoint + cpu_share_;
    const double update = learner_.on_gpu ? 0.0 : learner_.update;
    model->update_cpu_s =
        step_s_ * update /
        (stretch_serial_ * serial + stretch_shared_ * (1.0 - serial) / learner_.threads);
    model->learner_cpu_s = step_s_ * rest / stretch_serial_;
    model->learner_sleep_s = step_s_ * (sleep_share_ + learner_.update - update);
    if (measure_.one_process || !KnowsCores() || learner_.on_gpu) return;
    const double most = rest + update / (serial + (1.0 - serial) / learner_.threads);
    const double cores = std::min(most, *learner_.cpu_cores);
    const double factor =
        step_s_ * cores / std::max(1e-12, model->update_cpu_s + model->learner_cpu_s);
    model->update_cpu_s *= factor;
    model->learner_cpu_s *= factor;
  }

  // CPU time of the learner's own thread and of those that share its updates, in cores.
  double LearnerCores(const RunModel& model) const {
    return (model.update_cpu_s + model.learner_cpu_s) / step_s_;
  }

  // Other programs that fill the machine want more cores than they get: how many, the learner shows
  // by how much longer than its CPU time it works.
  double ForeignThreads() const {
    if (!KnowsCores() || learner_.on_gpu || measure_.foreign_cores < kForeignCounts) return 0.0;
    const double work = learner_.worked() /
                        (learner_.serial_share + (1.0 - learner_.serial_share) / learner_.threads);
    const double stretch = work / std::max(1e-3, *learner_.cpu_cores);
    return std::max(0.0,
                    stretch * measure_.cores_here - learner_.threads - actors_.cpu_cores * stretch);
  }

  void AddActors(RunModel* model) const {
    const double wall_s = step_s_ * actors_.work * actors_.actors;
    const double left = std::max(0.0, learner_.cpu_cores.value_or(0.0) - LearnerCores(*model));
    double cores = actors_.cpu_cores;
    model->steady_cores = measure_.evaluator_cores + measure_.foreign_cores;
    if (measure_.one_process) {
      cores = std::min(left, actors_.work * actors_.actors / stretch_actors_);
      model->steady_cores += left - cores;  // its evaluator
    } else {
      model->other_cpu_s = step_s_ * (left + measure_.replay_cores);
      model->steady_cores = std::max(model->steady_cores, ForeignThreads());
    }
    model->step_cpu_s = KnowsCores() ? std::min(cores / actors_.steps_per_s, wall_s) : 0.0;
    model->step_sleep_s = std::max(0.0, wall_s - stretch_actors_ * model->step_cpu_s);
  }

  const RunMeasure& measure_;
  const LearnerMeasure& learner_;
  Station actors_;
  const double step_s_;       // per env step of the whole run
  double sleep_share_ = 0.0;  // of the learner's time: as if it worked, without a core
  double cpu_share_ = 0.0;    // the same, with one
  double stretch_actors_ = 1.0, stretch_serial_ = 1.0, stretch_shared_ = 1.0;
};

}  // namespace

RunModel FitModel(const RunMeasure& measure) { return Fit(measure).Run(); }

double ActorsWait(const RunMeasure& measure) {
  if (measure.pace == Pace::kLimiter && PilesUp(measure)) return FreeActors(measure).wait;
  double wait = 0.0, count = 0.0;
  for (const ActorMeasure& actor : measure.actors) {
    if (!IsMeasured(actor)) continue;
    wait += WaitOf(actor, measure.pace);
    count += 1.0;
  }
  return count > 0.0 ? wait / count : 0.0;
}

double LearnerWait(const RunMeasure& measure) {
  const LearnerMeasure& learner = measure.learner;
  if (measure.pace != Pace::kLimiter) return learner.idle;
  return learner.sample_wait - learner.sampling() + learner.idle;
}

bool EvaluatorBinds(const RunMeasure& measure) {
  return measure.learner.evaluation >= kEvaluatorBinds;
}

bool IsMeasured(const ActorMeasure& actor) {
  return actor.connected && actor.silent_s < kSilent_s && actor.time.has_value();
}

}  // namespace pmoe
