#include "actor/env/target_reaching.h"

#include <algorithm>
#include <cmath>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "actor/env/env_state.h"
#include "common/base/check.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

constexpr double kStep_s = 0.1;
constexpr Point kStart = {-4.5, -4.5};
constexpr double kTargetMax = 3.0;  // of its uniform draw, from 0, per axis
constexpr Point kFixedTarget = {3.0, 3.0};
constexpr TargetReaching::Obstacle kFixedObstacles[] = {
    {{-2.5, -2.5}, 0.6}, {{-3.0, -0.5}, 0.6}, {{-0.5, -3.0}, 0.6}};
constexpr int kFixedObstaclesMax = 3;
constexpr int kObstaclesMax = 64;
// Radii are whole fiftieths: 0.30, 0.32, … 0.58.
constexpr double kRadiusUnit = 1.0 / 50.0;
constexpr int kRadiusMin = 15;
constexpr int kRadii = 15;

double PointDistance(const Point& a, const Point& b) {
  return std::hypot(a[0] - b[0], a[1] - b[1]);
}

double* WritePoint(double x, double y, double* out) {
  out[0] = x;
  out[1] = y;
  return out + 2;
}

// (to - from) * scale
double* WriteOffset(const Point& to, const Point& from, double scale, double* out) {
  return WritePoint((to[0] - from[0]) * scale, (to[1] - from[1]) * scale, out);
}

}  // namespace

void TargetReachingOptions::Read(EnvArgs* args) {
  std::string variant = "code";
  args->Choice("variant", {"code", "paper", "fixed"}, &variant);
  if (variant == "paper") {
    speed_max = 2.0;
    accel_max = 2.0;
    obstacle_std = 3.0;
    paper_observation = true;
  } else if (variant == "fixed") {
    fixed_layout = true;
    obstacle_penalty = 100.0;
  }
  args->Positive("speed_max", &speed_max);
  args->Positive("accel_max", &accel_max);
  args->Bool("trapezoid", &trapezoid);
  args->Int("obstacles", 0, fixed_layout ? kFixedObstaclesMax : kObstaclesMax, &obstacles);
  args->NonNegative("obstacle_std", &obstacle_std);
  args->Bool("reject_overlap", &reject_overlap);
  std::string observation = paper_observation ? "paper" : "code";
  args->Choice("observation", {"code", "paper"}, &observation);
  paper_observation = observation == "paper";
  args->Positive("target_radius", &target_radius);
  args->Float("target_reward", &target_reward);
  args->Float("speed_reward", &speed_reward);
  args->Float("edge_penalty", &edge_penalty);
  args->Float("obstacle_penalty", &obstacle_penalty);
  args->Int("max_episode_steps", -1, 1'000'000'000, &max_episode_steps);
}

absl::StatusOr<std::unique_ptr<Env>> TargetReaching::Create(const EnvRequest& request) {
  TargetReachingOptions options;
  EnvArgs args(request.id, request.args);
  options.Read(&args);
  PMOE_RETURN_IF_ERROR(args.Finish());
  return absl::WrapUnique(new TargetReaching(request, options));
}

TargetReaching::TargetReaching(const EnvRequest& request, const TargetReachingOptions& options)
    : options_(options), obstacles_(options.obstacles) {
  spec_.id = request.id;
  spec_.args = request.args;
  spec_.obs_dim = options.obs_dim();
  spec_.action_dim = 2;
  spec_.action_low.assign(2, -options.accel_max);
  spec_.action_high.assign(2, options.accel_max);
  spec_.max_episode_steps = std::max(0, options.max_episode_steps);
}

bool TargetReaching::Overlaps(const Obstacle& obstacle) const {
  return PointDistance(obstacle.center, kStart) <= obstacle.radius ||
         PointDistance(obstacle.center, target_) <= obstacle.radius;
}

TargetReaching::Obstacle TargetReaching::DrawObstacle() {
  Obstacle obstacle;
  for (double& x : obstacle.center) {
    x = std::clamp(options_.obstacle_std * generator_.StandardNormal(), -kArena, kArena);
  }
  const int radius = kRadiusMin + static_cast<int>(kRadii * generator_.NextDouble());
  obstacle.radius = radius * kRadiusUnit;
  return obstacle;
}

void TargetReaching::PlaceAll() {
  target_ = kFixedTarget;
  if (options_.fixed_layout) {
    std::copy_n(kFixedObstacles, obstacles_.size(), obstacles_.begin());
    return;
  }
  for (double& x : target_) x = generator_.Uniform(0.0, kTargetMax);
  for (Obstacle& obstacle : obstacles_) {
    do {
      obstacle = DrawObstacle();
    } while (options_.reject_overlap && Overlaps(obstacle));
  }
}

void TargetReaching::Reset(std::optional<uint64_t> seed, absl::Span<double> obs) {
  PMOE_CHECK(obs.size() == static_cast<size_t>(spec_.obs_dim));
  if (seed.has_value()) generator_ = Pcg64(*seed);
  PlaceAll();
  position_ = kStart;
  velocity_ = {};
  acceleration_ = {};
  elapsed_steps_ = 0;
  was_reset_ = true;
  Observe(obs);
}

// The authors' code moves by v dt + (v - v_before) dt / 2, which runs ahead of the trapezoid rule.
void TargetReaching::Move(absl::Span<const double> action) {
  for (int axis = 0; axis < 2; ++axis) {
    const double before = velocity_[axis];
    acceleration_[axis] = std::clamp(action[axis], -options_.accel_max, options_.accel_max);
    velocity_[axis] =
        std::clamp(before + acceleration_[axis] * kStep_s, -options_.speed_max, options_.speed_max);
    const double change = velocity_[axis] - before;
    position_[axis] +=
        (options_.trapezoid ? velocity_[axis] - 0.5 * change : velocity_[axis] + 0.5 * change) *
        kStep_s;
  }
}

bool TargetReaching::HitsObstacle() const {
  return std::any_of(obstacles_.begin(), obstacles_.end(), [this](const Obstacle& obstacle) {
    return PointDistance(position_, obstacle.center) <= obstacle.radius;
  });
}

bool TargetReaching::IsAtEdge() const {
  return std::max(std::abs(position_[0]), std::abs(position_[1])) >= kArena;
}

bool TargetReaching::IsAtTarget() const {
  return PointDistance(position_, target_) <= options_.target_radius;
}

StepResult TargetReaching::Judge() const {
  if (HitsObstacle()) return {.reward = -options_.obstacle_penalty, .terminated = true};
  if (IsAtEdge()) return {.reward = -options_.edge_penalty, .terminated = true};
  if (IsAtTarget()) return {.reward = options_.target_reward, .terminated = true};
  return {.reward = options_.speed_reward * std::hypot(velocity_[0], velocity_[1])};
}

StepResult TargetReaching::Step(absl::Span<const double> action, absl::Span<double> obs) {
  PMOE_CHECK(was_reset_ && action.size() == 2);
  PMOE_CHECK(obs.size() == static_cast<size_t>(spec_.obs_dim));
  Move(action);
  ++elapsed_steps_;
  StepResult result = Judge();
  result.truncated = spec_.max_episode_steps > 0 && elapsed_steps_ >= spec_.max_episode_steps;
  Observe(obs);
  return result;
}

// M obstacles. code: [pos/5, v, a, (target - pos)/5, (obstacle_i - pos)/5 …, radius_i …];
// paper: [target - pos, obstacle_i - pos …, a, v].
void TargetReaching::Observe(absl::Span<double> obs) const {
  double* next = obs.data();
  const double scale = options_.paper_observation ? 1.0 : 1.0 / kArena;
  if (!options_.paper_observation) {
    next = WriteOffset(position_, {}, scale, next);
    next = WritePoint(velocity_[0], velocity_[1], next);
    next = WritePoint(acceleration_[0], acceleration_[1], next);
  }
  next = WriteOffset(target_, position_, scale, next);
  for (const Obstacle& o : obstacles_) next = WriteOffset(o.center, position_, scale, next);
  if (options_.paper_observation) {
    next = WritePoint(acceleration_[0], acceleration_[1], next);
    WritePoint(velocity_[0], velocity_[1], next);
    return;
  }
  for (const Obstacle& o : obstacles_) *next++ = o.radius;
}

std::map<std::string, double> TargetReaching::Info() const {
  const bool reached = IsAtTarget() && !HitsObstacle() && !IsAtEdge();
  return {{"success", reached ? 1.0 : 0.0}};
}

double TargetReaching::step_s() const { return kStep_s; }

// In the order of Observe.
std::vector<std::string> TargetReaching::ObservationNames() const {
  std::vector<std::string> names;
  const auto point = [&names](const std::string& what) {
    names.insert(names.end(), {what + ".x", what + ".y"});
  };
  const auto each = [this](const auto& name) {
    for (size_t i = 0; i < obstacles_.size(); ++i) name(absl::StrCat("obstacle_", i));
  };
  if (!options_.paper_observation) {
    for (const char* what : {"position", "velocity", "acceleration"}) point(what);
  }
  point("target");
  each(point);
  if (options_.paper_observation) {
    for (const char* what : {"acceleration", "velocity"}) point(what);
  } else {
    each([&names](const std::string& obstacle) { names.push_back(obstacle + ".radius"); });
  }
  return names;
}

void TargetReaching::SaveState(ByteWriter* out) const {
  ByteWriter state;
  generator_.SaveState(&state);
  state.Pod(elapsed_steps_);
  for (const Point& point : {position_, velocity_, acceleration_, target_}) state.Pod(point);
  for (const Obstacle& obstacle : obstacles_) state.Pod(obstacle);
  WriteEnvState(EnvIdentity(spec_, ""), state.Take(), out);
}

absl::Status TargetReaching::LoadState(ByteReader* in) {
  PMOE_ASSIGN_OR_RETURN(const std::string bytes, ReadEnvState(EnvIdentity(spec_, ""), in));
  ByteReader state(bytes);
  TargetReaching loaded = *this;
  PMOE_RETURN_IF_ERROR(loaded.generator_.LoadState(&state));
  state.Pod(&loaded.elapsed_steps_);
  for (Point* point :
       {&loaded.position_, &loaded.velocity_, &loaded.acceleration_, &loaded.target_}) {
    state.Pod(point);
  }
  for (Obstacle& obstacle : loaded.obstacles_) state.Pod(&obstacle);
  PMOE_RETURN_IF_ERROR(state.Finish("environment state"));
  if (loaded.elapsed_steps_ < 0 || loaded.elapsed_steps_ > kElapsedStepsMax) {
    return absl::DataLossError("environment state has an impossible step counter");
  }
  loaded.was_reset_ = true;
  *this = std::move(loaded);
  return absl::OkStatus();
}

}  // namespace pmoe
