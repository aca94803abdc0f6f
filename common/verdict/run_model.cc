#include "common/verdict/run_model.h"

#include <algorithm>
#include <cmath>

namespace pmoe {
namespace {

constexpr int kIterations = 200;
constexpr double kTolerance = 1e-6;
constexpr double kTime_s = 1e-12;       // nothing takes less
constexpr double kCoresCounted = 32.0;  // on more, how many want one is as good as normal

// What a thread that wants a core finds on its machine: how many want one, on average.
struct Wanting {
  double actor = 0.0;    // one actor's share of the time, 0 to 1
  double learner = 0.0;  // its update's threads together
  double others = 0.0;
  double wait = 0.0;  // share of their time that actors wait
};

double Spread(double count, double share) { return count * share * (1.0 - std::min(1.0, share)); }

// Of so many that take turns as well as they can: all of them but one want a core, or none does.
double LeastSpread(double mean) {
  const double part = mean - std::floor(mean);
  return part * (1.0 - part);
}

// Of actors that the learner lets go one after the other as far as they wait for it, and that are
// independent otherwise.
double SpreadOfActors(double actors, double share, double wait) {
  return (1.0 - wait) * Spread(actors, share) + wait * LeastSpread(actors * share);
}

double StretchOfActor(const RunModel& model, const Wanting& here, double actors) {
  const double mates = std::max(0.0, actors - 1.0);
  const double learner = std::min(here.learner, model.threads);
  return Stretch(model.cores_here, mates * here.actor + learner + here.others,
                 SpreadOfActors(mates, here.actor, here.wait) +
                     Spread(model.threads, learner / model.threads) + LeastSpread(here.others),
                 mates + model.threads + std::ceil(here.others));
}

// A thread of the learner's meets `own` of its kind, who work when it does, and everybody else.
double StretchOfLearner(const RunModel& model, const Wanting& here, double actors, double own) {
  return Stretch(model.cores_here, own + actors * here.actor + here.others,
                 SpreadOfActors(actors, here.actor, here.wait) + LeastSpread(here.others),
                 own + actors + std::ceil(here.others));
}

// CPU-seconds per env step that the learner's threads share, from start to end.
double SharedSeconds(const RunModel& model) {
  return model.update_cpu_s * (1.0 - model.serial_share) / model.threads;
}
double SerialSeconds(const RunModel& model) {
  return model.learner_cpu_s + model.update_cpu_s * model.serial_share;
}

double ActorSeconds(const RunModel& model, double stretch) {
  return std::max(kTime_s, model.step_sleep_s + stretch * model.step_cpu_s);
}

// E[max(0, 1 - (1 + k) / C)], which is what E[max(1, (1 + k) / C)] has beyond the mean of
// (1 + k) / C, for k of `draws` that each count with one chance; no draws: Poisson.
double MissingOfDraws(double cores, double mean, double draws) {
  const double p = draws > 0.0 ? std::min(1.0 - 1e-9, mean / draws) : 0.0;
  double chance = draws > 0.0 ? std::exp(draws * std::log1p(-p)) : std::exp(-mean);
  double missing = 0.0;
  for (double k = 0.0; k < cores - 1.0 && chance > 0.0; k += 1.0) {
    missing += chance * (1.0 - (1.0 + k) / cores);
    chance *= draws > 0.0 ? (draws - k) / (k + 1.0) * p / (1.0 - p) : mean / (k + 1.0);
  }
  return missing;
}

// The same for as few as that mean takes, or one less.
double MissingOfFew(double cores, double mean) {
  const double few = std::floor(mean);
  const double more = mean - few;
  return (1.0 - more) * std::max(0.0, 1.0 - (1.0 + few) / cores) +
         more * std::max(0.0, 1.0 - (2.0 + few) / cores);
}

// The same by the variance of k, from that of the few to that of Poisson.
double MissingTo(double cores, double mean, double variance) {
  constexpr double kDrawsMax = 1000.0;
  const double least = LeastSpread(mean);
  const double few = std::ceil(mean);
  const double of_draws = mean * (1.0 - mean / few);  // variance of so many
  if (variance < of_draws) {
    const double part = std::clamp((variance - least) / (of_draws - least), 0.0, 1.0);
    return part * MissingOfDraws(cores, mean, few) + (1.0 - part) * MissingOfFew(cores, mean);
  }
  const double draws = mean / std::max(1e-9, 1.0 - variance / mean);
  return MissingOfDraws(cores, mean, draws > kDrawsMax ? 0.0 : std::max(few, std::round(draws)));
}

// The same with k normal: `over` is the mean of (1 + k) / C - 1, `deviation` its deviation.
double MissingToNormal(double over, double deviation) {
  const double z = over / deviation;
  const double above = 0.5 * std::erfc(-z * M_SQRT1_2);                   // Φ(z)
  const double density = std::exp(-0.5 * z * z) / std::sqrt(2.0 * M_PI);  // φ(z)
  return deviation * density - over * (1.0 - above);
}

class Solver {
 public:
  explicit Solver(const RunModel& model)
      : model_(model),
        here_(model.actors * model.actors_here),
        elsewhere_(model.actors - here_),
        turns_(model.places <= 1.0) {}

  RunRates Solve() {
    SetRates();
    for (int i = 0; i < kIterations; ++i) {
      moved_ = 0.0;
      SetStretches();
      SetRates();
      if (moved_ <= kTolerance) break;
    }
    return Rates();
  }

 private:
  double LearnerWall() const {
    return stretch_serial_ * SerialSeconds(model_) + stretch_shared_ * SharedSeconds(model_);
  }

  void SetRates() {
    actors_rate_ = here_ / ActorSeconds(model_, stretch_actors_) +
                   elsewhere_ / ActorSeconds(model_, stretch_elsewhere_);
    learner_rate_ = 1.0 / std::max(kTime_s, model_.learner_sleep_s + LearnerWall());
    rate_ = std::min({CoupledRate(actors_rate_, learner_rate_, model_.places),
                      model_.steps_per_s_max, kStepsPerSecondMax});
  }

  // The share of its time in which an actor wants a core; the others it sleeps or waits.
  double WantsCore(double stretch) const {
    const double works = turns_ ? 1.0 : 1.0 - Waits(actors_rate_);
    return works * stretch * model_.step_cpu_s / ActorSeconds(model_, stretch);
  }

  void SetStretches() {
    Wanting here;
    here.actor = WantsCore(stretch_actors_);
    here.learner = rate_ * (stretch_serial_ * SerialSeconds(model_) +
                            model_.threads * stretch_shared_ * SharedSeconds(model_));
    here.others = model_.steady_cores + rate_ * model_.other_cpu_s;
    here.wait = turns_ ? 0.0 : Waits(actors_rate_);
    // While they take turns actors meet actors only.
    Wanting actors_turn = here, learners_turn = here;
    if (turns_) actors_turn.learner = learners_turn.actor = 0.0;
    Approach(StretchOfActor(model_, actors_turn, here_), &stretch_actors_);
    Approach(StretchOfLearner(model_, learners_turn, here_, /*own=*/0.0), &stretch_serial_);
    Approach(StretchOfLearner(model_, learners_turn, here_, model_.threads - 1.0),
             &stretch_shared_);
    if (model_.machines_elsewhere <= 0.0) return;
    const double mates = std::max(0.0, elsewhere_ / model_.machines_elsewhere - 1.0);
    const double wants = WantsCore(stretch_elsewhere_);
    Approach(Stretch(model_.cores_elsewhere, mates * wants, Spread(mates, wants), mates),
             &stretch_elsewhere_);
  }

  // Halfway: a whole step would swing, for who is stretched wants a core for longer.
  void Approach(double to, double* stretch) {
    const double half = 0.5 * (to - *stretch);
    *stretch += half;
    moved_ = std::max(moved_, std::abs(half) / *stretch);
  }

  RunRates Rates() const {
    RunRates rates;
    rates.env_steps_per_s = rate_;
    rates.actors_wait = Waits(actors_rate_);
    rates.learner_wait = Waits(learner_rate_);
    const double cpu_s = model_.actors_here * model_.step_cpu_s + model_.update_cpu_s +
                         model_.learner_cpu_s + model_.other_cpu_s;
    rates.cores_busy = std::min(model_.cores_here, model_.steady_cores + rate_ * cpu_s);
    rates.stretch_actors =
        model_.actors_here * stretch_actors_ + (1.0 - model_.actors_here) * stretch_elsewhere_;
    rates.stretch_serial = stretch_serial_;
    rates.stretch_shared = stretch_shared_;
    return rates;
  }
  double Waits(double capacity) const {
    return capacity > 0.0 ? std::clamp(1.0 - rate_ / capacity, 0.0, 1.0) : 0.0;
  }

  const RunModel& model_;
  const double here_, elsewhere_;  // actors
  const bool turns_;
  double stretch_actors_ = 1.0, stretch_elsewhere_ = 1.0;
  double stretch_serial_ = 1.0, stretch_shared_ = 1.0;  // of the learner
  double moved_ = 0.0;  // by the last step, the furthest, over the stretch
  double actors_rate_ = 0.0, learner_rate_ = 0.0, rate_ = 0.0;
};

}  // namespace

RunRates Predict(const RunModel& model) { return Solver(model).Solve(); }

double CoupledRate(double actors_rate, double learner_rate, double places) {
  if (!(actors_rate > 0.0) || !(learner_rate > 0.0)) return 0.0;
  // By the slower over the faster, r <= 1, the formula is the same from both sides.
  const double slower = std::min(actors_rate, learner_rate);
  const double r = slower / std::max(actors_rate, learner_rate);
  if (1.0 - r < 1e-9) return slower * places / (places + 1.0);
  const double full = std::pow(r, places);
  return slower * (1.0 - full) / (1.0 - full * r);
}

double Stretch(double cores, double mean, double variance, double most) {
  if (!std::isfinite(cores) || 1.0 + most <= cores || mean <= 0.0) return 1.0;
  const double over = (1.0 + mean) / cores - 1.0;
  const bool countable = cores <= kCoresCounted && mean <= kCoresCounted;
  const double left = countable
                          ? MissingTo(cores, mean, variance)
                          : MissingToNormal(over, std::sqrt(std::max(1e-12, variance)) / cores);
  return std::max(1.0, 1.0 + over + left);
}

}  // namespace pmoe
