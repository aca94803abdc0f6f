// Pictures of environments: MuJoCo tasks as MuJoCo draws them, TargetReaching from above. Owns the
// OpenGL context: one renderer at a time, on one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "actor/env/env.h"
#include "actor/render/arena_scene.h"
#include "actor/render/egl_context.h"
#include "mujoco/mujoco.h"

namespace pmoe {

struct RenderOptions {
  int width = 640;  // pixels, even: video formats halve the colours
  int height = 480;
  std::string
      camera;  // of the model; empty: "track" if it has one, else one that follows the robot
};

class Renderer {
 public:
  // `env` as an example of those to draw. FailedPreconditionError: it has no picture (a plugin), or
  // nothing here can draw. InvalidArgumentError: no such camera.
  static absl::StatusOr<std::unique_ptr<Renderer>> Create(const Env& env,
                                                          const RenderOptions& options);
  ~Renderer();
  Renderer(const Renderer&) = delete;
  Renderer& operator=(const Renderer&) = delete;

  // Draws the present state with two columns of text in a corner. rgb: [height, width, 3] out, the
  // lowest row first.
  void Draw(const Env& env, const std::string& labels, const std::string& values,
            absl::Span<uint8_t> rgb);

  size_t frame_bytes() const { return 3 * static_cast<size_t>(options_.width * options_.height); }
  double frames_per_s() const { return frames_per_s_; }
  const std::string& device() const { return egl_->renderer(); }

 private:
  Renderer(const RenderOptions& options, std::unique_ptr<EglContext> egl, mjModel* model);
  absl::Status ChooseCamera();

  RenderOptions options_;
  std::unique_ptr<EglContext> egl_;
  mjModel* model_;  // a copy, with what the CPU cannot draw fast turned off
  mjData* data_;    // the state being drawn
  double frames_per_s_ = 0.0;
  mjvCamera camera_;
  mjvOption visual_;
  mjvScene scene_;
  mjrContext context_;
  ArenaScene arena_;
};

}  // namespace pmoe
