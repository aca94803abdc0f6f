// Reward, once it is compiled: what each kind of term is worth.
#include <algorithm>
#include <cmath>

#include "actor/env/mjcf/reward.h"
#include "actor/env/mjcf/reward_math.h"
#include "actor/env/numpy_math.h"
#include "actor/env/tasks/body_terms.h"

namespace pmoe {

void Reward::Start() { ForgetAirTime(terms_); }

void Reward::BeginStep() { MarkRates(terms_); }

void Reward::EndStep(double step_s) { CountAirTime(terms_, step_s); }

double Reward::Pay(bool healthy, double step_s) const { return Sum(terms_, healthy, step_s); }

bool Reward::Ends() const { return AnyEnds(terms_); }

void Reward::MarkRates(const std::vector<Term>& terms) {
  for (const Term& term : terms) {
    if (term.config.has_rate()) before_[term.rate] = Coordinate(term);
    MarkRates(term.terms);
  }
}

void Reward::ForgetAirTime(const std::vector<Term>& terms) {
  for (const Term& term : terms) {
    std::fill(term.air.begin(), term.air.end(), 0.0);
    ForgetAirTime(term.terms);
  }
}

void Reward::CountAirTime(const std::vector<Term>& terms, double step_s) {
  for (const Term& term : terms) {
    CountAirTime(term.terms, step_s);
    if (term.air.empty()) continue;
    const absl::Span<const double> touches = term.numbers.Values(&scratch_);
    double& payment = term.air.back();
    payment = 0.0;
    for (size_t foot = 0; foot < touches.size(); ++foot) {
      double& air_s = term.air[foot];
      if (touches[foot] == 0.0) {
        air_s += step_s;
      } else if (air_s > 0.0) {
        payment += air_s - term.config.air_time().target_s();
        air_s = 0.0;
      }
    }
    // Who is to stand still shall not be paid for steps.
    const auto zero = [](double x) { return x == 0.0; };
    if (!term.target.empty() && std::all_of(term.target.begin(), term.target.end(), zero)) {
      payment = 0.0;
    }
  }
}

bool Reward::AnyEnds(const std::vector<Term>& terms) const {
  return std::any_of(terms.begin(), terms.end(), [this](const Term& term) {
    const Success& success = term.config.success();
    return (success.terminate() && TermDistance(term) < success.below()) || AnyEnds(term.terms);
  });
}

double Reward::Coordinate(const Term& term) const {
  const Rate& rate = term.config.rate();
  return rate.has_center_of_mass()
             ? CenterOfMass(*source_.model, *source_.data, mass_, rate.center_of_mass())
             : term.numbers.parts()[0][0];
}

double Reward::Reduce(const Term& term) const {
  const Value& value = term.config.value();
  absl::Span<const double> values = term.numbers.Values(&scratch_);
  if (value.has_clip()) {
    clipped_.assign(values.begin(), values.end());
    for (double& x : clipped_) x = NumpyClip(x, value.clip().min(), value.clip().max());
    values = clipped_;
  }
  switch (value.norm()) {
    case Value::NUMBER:
      return values[0];
    case Value::ABSOLUTE: {
      double sum = 0.0;
      for (const double x : values) sum += std::abs(x);
      return sum;
    }
    case Value::EUCLIDEAN:
      return NumpyNorm(values);
    case Value::SQUARES:
      return NumpySumOfSquares(values);
  }
  return 0.0;
}

double Reward::TermDistance(const Term& term) const {
  return DistanceBetween(term.numbers.Values(&scratch_), term.others.Values(&other_scratch_));
}

double Reward::JointExcess(const Term& term) const {
  const mjModel& model = *source_.model;
  double sum = 0.0;
  for (const int joint : term.ids) {
    sum += BeyondRange(source_.data->qpos[model.jnt_qposadr[joint]], model.jnt_range[2 * joint],
                       model.jnt_range[2 * joint + 1], term.config.joint_limits().share());
  }
  return sum;
}

// A tilt or a height.
double Reward::BodyTerm(const Term& term) const {
  const int body = term.ids[0];
  if (term.config.has_tilt()) return SquaredTilt(source_.data->xmat + 9 * body);
  const double off = source_.data->xpos[3 * body + 2] - term.config.height().target();
  return off * off;
}

double Reward::TermValue(const Term& term, bool healthy, double step_s) const {
  const RewardTerm& config = term.config;
  switch (config.kind_case()) {
    case RewardTerm::kRate:
      return (Coordinate(term) - before_[term.rate]) / step_s;
    case RewardTerm::kValue: {
      const double value = Reduce(term);
      return config.value().per_simulator_step() ? value / source_.model->opt.timestep : value;
    }
    case RewardTerm::kAlive:
      return healthy ? 1.0 : 0.0;
    case RewardTerm::kConstant:
      return config.constant();
    case RewardTerm::kSum:
      return Sum(term.terms, healthy, step_s);
    case RewardTerm::kTrack:
      return TrackingReward(term.numbers.Values(&scratch_), term.target, config.track().sigma());
    case RewardTerm::kTilt:
    case RewardTerm::kHeight:
      return BodyTerm(term);
    case RewardTerm::kJointLimits:
      return JointExcess(term);
    case RewardTerm::kActionRate:
      return source_.controls->ActionRate();
    case RewardTerm::kEnergy:
      return AbsolutePower(term.numbers.Values(&scratch_), term.others.Values(&other_scratch_));
    case RewardTerm::kAirTime:
      return term.air.back();
    case RewardTerm::kContact:
      return NumpySum(term.numbers.Values(&scratch_));
    case RewardTerm::kDistance:
      return TermDistance(term);
    case RewardTerm::kSuccess:
      return TermDistance(term) < config.success().below() ? 1.0 : 0.0;
    case RewardTerm::KIND_NOT_SET:
      break;
  }
  return 0.0;
}

// From the first term on, not from 0: 0 + -0 would lose a sign.
double Reward::Sum(const std::vector<Term>& terms, bool healthy, double step_s) const {
  double sum = 0.0;
  for (size_t i = 0; i < terms.size(); ++i) {
    const RewardTerm& config = terms[i].config;
    double value = config.weight() * TermValue(terms[i], healthy, step_s);
    if (config.has_clip()) value = NumpyClip(value, config.clip().min(), config.clip().max());
    if (config.subtract()) value = -value;
    sum = i == 0 ? value : sum + value;
  }
  return sum;
}

}  // namespace pmoe
