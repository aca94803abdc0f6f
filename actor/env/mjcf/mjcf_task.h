// A task that a file describes (proto/task.proto) over any MJCF model: no C++ needed. Gymnasium's
// six tasks written in it equal Gymnasium bit for bit. docs/add_an_env.md.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "actor/env/mujoco_env.h"

namespace pmoe {

// "mjcf:": what follows it in an id is the task file.
inline constexpr char kMjcfPrefix[] = "mjcf:";

class MjcfTask final : public MujocoEnv {
 public:
  // Parameters beside the file: xml_file, frame_skip, reset_noise_scale, max_episode_steps, and
  // randomize (false: the nominal model, without pushes, latency and sensor errors).
  // NotFoundError: no file. InvalidArgumentError: names the file, the line and the field.
  static absl::StatusOr<std::unique_ptr<Env>> Create(const EnvRequest& request);
  ~MjcfTask() override;

 private:
  // All that the file says, with its names found in the model.
  struct Program;
  class Compiler;

  MjcfTask(MujocoSetup setup, std::unique_ptr<Program> program);

  void StartEpisode(Pcg64* generator, mjData* data) override;
  void Simulate(absl::Span<const double> action, Pcg64* generator, mjData* data) override;
  void PrepareObservation(bool first, Pcg64* generator, mjData* data) override;
  void MemoryRestored(mjData* data) override;
  void Observe(absl::Span<double> obs) const override;
  std::vector<std::string> ObservationNames() const override;
  Outcome Evaluate(double velocity, absl::Span<const double> action) const override;

  bool IsHealthy() const;

  std::unique_ptr<Program> program_;
};

}  // namespace pmoe
