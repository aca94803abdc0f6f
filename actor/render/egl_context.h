// An OpenGL context without a window: on a GPU, or drawn by the CPU. Current on the thread that
// made it, which must be the one that draws and destroys it.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace pmoe {

class EglContext {
 public:
  // Tries the devices in order ($MUJOCO_EGL_DEVICE_ID: that one only), then Mesa without a surface.
  // FailedPreconditionError: nothing here can draw; says what to install.
  static absl::StatusOr<std::unique_ptr<EglContext>> Create();
  ~EglContext();
  EglContext(const EglContext&) = delete;
  EglContext& operator=(const EglContext&) = delete;

  // "llvmpipe (LLVM 15.0.6, 256 bits)"
  const std::string& renderer() const { return renderer_; }
  // Drawn by the CPU: shadows and smoothing cost more than they are worth.
  bool software() const;

 private:
  EglContext(void* display, void* context);

  void* display_;
  void* context_;
  std::string renderer_;
};

}  // namespace pmoe
