#include "actor/env/mjcf/observation.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "actor/env/numpy_math.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

constexpr int kFramesMax = 1000;
constexpr int64_t kObservationMax = 1 << 20;

absl::Status CheckLatency(const ObservationTerm& term, const Place& place) {
  if (!term.has_latency_steps()) return absl::OkStatus();
  const Place at = place.Field(term, "latency_steps");
  if (term.has_delay_steps()) {
    return at.Error(
        "and delay_steps are one thing in two units; keep latency_steps, which counts simulator "
        "steps");
  }
  if (NeedsPostConstraint(term.slice().array())) {
    return at.Error(absl::StrCat(SimulatorArray_Name(term.slice().array()),
                                 " is computed once per environment step; use delay_steps"));
  }
  return CheckSteps(term.latency_steps(), at, kFramesMax);
}

absl::Status CheckTerm(const ObservationTerm& term, const Place& place) {
  PMOE_RETURN_IF_ERROR(CheckInterval(term.clip(), place.Field(term, "clip"), /*bounded=*/false));
  if (!std::isfinite(term.scale())) {
    return place.Field(term, "scale").Error(absl::StrCat("must be a number, got ", term.scale()));
  }
  if (!(term.noise() >= 0 && std::isfinite(term.noise()))) {
    return place.Field(term, "noise").Error(absl::StrCat("must be >= 0, got ", term.noise()));
  }
  if (term.has_bias()) {
    PMOE_RETURN_IF_ERROR(CheckInterval(term.bias(), place.Field(term, "bias"), /*bounded=*/true));
  }
  if (term.has_delay_steps()) {
    PMOE_RETURN_IF_ERROR(
        CheckSteps(term.delay_steps(), place.Field(term, "delay_steps"), kFramesMax));
  }
  PMOE_RETURN_IF_ERROR(CheckLatency(term, place));
  if (!(term.lost_share() >= 0 && term.lost_share() < 1)) {
    return place.Field(term, "lost_share")
        .Error(absl::StrCat("must be in [0, 1), got ", term.lost_share()));
  }
  if (term.history() >= 1 && term.history() <= kFramesMax) return absl::OkStatus();
  return place.Field(term, "history")
      .Error(absl::StrCat("must be in [1, ", kFramesMax, "], got ", term.history()));
}

// Uniform over whole numbers.
double DrawSteps(const Interval& steps, Pcg64* generator) {
  return std::floor(generator->Uniform(steps.min(), steps.max() + 1));
}

// Nothing was before an episode's first values: all that is remembered is equal.
void FillWithNewest(size_t width, absl::Span<double> frames) {
  for (size_t i = width; i < frames.size(); ++i) frames[i] = frames[i - width];
}

// Makes room for a newest frame, which has the numbers of the one before until they are written.
void ShiftFrames(size_t width, absl::Span<double> frames) {
  std::copy_backward(frames.begin(), frames.end() - width, frames.end());
}

}  // namespace

absl::StatusOr<Observation> Observation::Compile(const MjcfTaskConfig& task, const Place& place,
                                                 const SliceSource& source, EpisodeMemory* memory) {
  if (task.observation().empty()) {
    return place.Field(task, "observation").Error("nothing is observed");
  }
  Observation observation;
  int64_t size = 0;
  for (int i = 0; i < task.observation_size(); ++i) {
    const ObservationTerm& term = task.observation(i);
    const Place at = place.Field(task, "observation", i);
    if (!term.has_slice()) return at.Field(term, "slice").Error("is missing");
    PMOE_ASSIGN_OR_RETURN(Selection numbers,
                          FindSlice(term.slice(), source, at.Field(term, "slice")));
    PMOE_RETURN_IF_ERROR(CheckTerm(term, at));
    const size_t width = numbers.size();
    size += static_cast<int64_t>(width) * term.history();
    if (size > kObservationMax) {
      return at.Error(absl::StrCat("the observation has more than ", kObservationMax, " numbers"));
    }
    Sensor sensor{.config = term,
                  .numbers = std::move(numbers),
                  .frames = {},
                  .bias = {},
                  .delay_steps = {},
                  .passed = {},
                  .latency_steps = {}};
    const int delay = static_cast<int>(term.has_delay_steps() ? term.delay_steps().max() : 0);
    const int latency = static_cast<int>(term.has_latency_steps() ? term.latency_steps().max() : 0);
    if (term.noise() > 0 || term.has_bias() || delay > 0 || latency > 0 || term.history() > 1 ||
        term.lost_share() > 0) {
      sensor.frames = memory->Allocate(width * static_cast<size_t>(delay + term.history()));
    }
    if (term.has_bias()) sensor.bias = memory->Allocate(width);
    if (delay > 0) sensor.delay_steps = memory->Allocate(1);
    if (latency > 0) {
      sensor.passed = memory->Allocate(width * static_cast<size_t>(latency + 1));
      sensor.latency_steps = memory->Allocate(1);
      observation.between_steps_ = true;
    }
    observation.sensors_.push_back(std::move(sensor));
  }
  observation.size_ = static_cast<int>(size);
  return observation;
}

std::vector<std::string> Observation::Names() const {
  std::vector<std::string> names;
  for (const Sensor& sensor : sensors_) {
    for (int age = sensor.config.history() - 1; age >= 0; --age) {
      for (const std::string& name : sensor.numbers.names()) {
        names.push_back(age == 0 ? name : absl::StrCat(name, "[t-", age, "]"));
      }
    }
  }
  return names;
}

int Observation::Sensor::Delay() const {
  if (delay_steps.empty()) return 0;
  const double most = config.delay_steps().max();
  return delay_steps[0] > 0 ? static_cast<int>(std::min(delay_steps[0], most)) : 0;
}

int Observation::Sensor::Latency() const {
  const double most = config.latency_steps().max();
  return latency_steps[0] > 0 ? static_cast<int>(std::min(latency_steps[0], most)) : 0;
}

void Observation::StartSensor(Sensor* sensor, Pcg64* generator) {
  const ObservationTerm& config = sensor->config;
  for (double& bias : sensor->bias) {
    bias = generator->Uniform(config.bias().min(), config.bias().max());
  }
  if (!sensor->delay_steps.empty()) {
    sensor->delay_steps[0] = DrawSteps(config.delay_steps(), generator);
  }
  if (!sensor->latency_steps.empty()) {
    sensor->latency_steps[0] = DrawSteps(config.latency_steps(), generator);
  }
}

void Observation::Start(Pcg64* generator) {
  for (Sensor& sensor : sensors_) StartSensor(&sensor, generator);
  for (Sensor& sensor : sensors_) {
    if (sensor.frames.empty()) continue;
    const size_t width = sensor.numbers.size();
    if (!sensor.passed.empty()) {
      sensor.numbers.CopyTo(sensor.passed.data());
      FillWithNewest(width, sensor.passed);
    }
    Measure(sensor, generator);
    FillWithNewest(width, sensor.frames);
  }
}

void Observation::PassOne(Sensor* sensor) {
  if (sensor->passed.empty()) return;
  ShiftFrames(sensor->numbers.size(), sensor->passed);
  sensor->numbers.CopyTo(sensor->passed.data());
}

void Observation::Pass() {
  for (Sensor& sensor : sensors_) PassOne(&sensor);
}

void Observation::Advance(Pcg64* generator) {
  for (Sensor& sensor : sensors_) {
    if (sensor.frames.empty()) continue;
    PassOne(&sensor);
    ShiftFrames(sensor.numbers.size(), sensor.frames);
    const double lost_share = sensor.config.lost_share();
    const bool lost = lost_share > 0 && generator->Uniform(0.0, 1.0) < lost_share;
    if (!lost) Measure(sensor, generator);
  }
}

void Observation::Measure(const Sensor& sensor, Pcg64* generator) {
  const size_t width = sensor.numbers.size();
  if (sensor.passed.empty()) {
    sensor.numbers.CopyTo(sensor.frames.data());
  } else {
    const auto from = sensor.passed.begin() + static_cast<size_t>(sensor.Latency()) * width;
    std::copy(from, from + width, sensor.frames.begin());
  }
  for (size_t i = 0; i < width; ++i) {
    double& x = sensor.frames[i];
    if (!sensor.bias.empty()) x += sensor.bias[i];
    if (sensor.config.noise() > 0) x += sensor.config.noise() * generator->StandardNormal();
  }
}

double Observation::Seen(const Sensor& sensor, double x) {
  const ObservationTerm& config = sensor.config;
  if (config.has_clip()) x = NumpyClip(x, config.clip().min(), config.clip().max());
  return config.scale() == 1.0 ? x : x * config.scale();
}

void Observation::Write(absl::Span<double> obs) const {
  double* next = obs.data();
  for (const Sensor& sensor : sensors_) {
    const size_t width = sensor.numbers.size();
    if (sensor.frames.empty()) {
      sensor.numbers.CopyTo(next);
    } else {
      // The oldest first.
      const size_t newest = static_cast<size_t>(sensor.Delay());
      for (int age = sensor.config.history() - 1; age >= 0; --age) {
        const auto frame = sensor.frames.begin() + (newest + age) * width;
        std::copy(frame, frame + width, next + (sensor.config.history() - 1 - age) * width);
      }
    }
    double* const end = next + width * sensor.config.history();
    for (; next != end; ++next) *next = Seen(sensor, *next);
  }
}

}  // namespace pmoe
