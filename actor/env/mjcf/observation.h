// What a task file's policy sees: slices with sensor bias, noise, delay and losses, clipped,
// scaled, with a history. Thread-compatible.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "actor/env/mjcf/episode_memory.h"
#include "actor/env/mjcf/place.h"
#include "actor/env/mjcf/selection.h"
#include "actor/env/pcg64.h"
#include "proto/task.pb.h"

namespace pmoe {

class Observation {
 public:
  static absl::StatusOr<Observation> Compile(const MjcfTaskConfig& task, const Place& place,
                                             const SliceSource& source, EpisodeMemory* memory);

  int size() const { return size_; }
  // What each number is: "qpos.knee"; with a history "qpos.knee[t-1]". [size()]
  std::vector<std::string> Names() const;
  // An episode's first values; draws each term's bias and delay before them.
  void Start(Pcg64* generator);
  // Whether Pass is wanted: some term's latency is less than a step.
  bool measures_between_steps() const { return between_steps_; }
  // After a simulator step that is not the environment step's last.
  void Pass();
  // The next step's values, after its last simulator step.
  void Advance(Pcg64* generator);
  // obs: [size()] out.
  void Write(absl::Span<double> obs) const;

 private:
  // One term. Only one that measures with an error, a delay or a history keeps frames.
  struct Sensor {
    ObservationTerm config;
    Selection numbers;
    absl::Span<double> frames;       // [newest, one before, …][numbers] as measured
    absl::Span<double> bias;         // [numbers]; empty: none
    absl::Span<double> delay_steps;  // one number; empty: none
    // [newest, one before, …][numbers] after each simulator step, without errors; empty: no latency
    absl::Span<double> passed;
    absl::Span<double> latency_steps;  // one number

    // How many steps ago the newest value that is seen was measured.
    int Delay() const;
    int Latency() const;  // simulator steps
  };

  static void StartSensor(Sensor* sensor, Pcg64* generator);
  static void PassOne(Sensor* sensor);
  static void Measure(const Sensor& sensor, Pcg64* generator);
  static double Seen(const Sensor& sensor, double x);

  std::vector<Sensor> sensors_;
  int size_ = 0;
  bool between_steps_ = false;
};

}  // namespace pmoe
