#include "actor/render/egl_context.h"

#include <cstdlib>
#include <vector>

#include "EGL/egl.h"
#include "EGL/eglext.h"
#include "absl/memory/memory.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace pmoe {
namespace {

constexpr int kDevicesMax = 32;
constexpr unsigned kGlRenderer = 0x1F01;  // GL_RENDERER

template <typename Function>
Function Extension(const char* name) {
  return reinterpret_cast<Function>(eglGetProcAddress(name));
}

// What might draw, best first.
absl::StatusOr<std::vector<EGLDisplay>> Displays() {
  const auto platform = Extension<PFNEGLGETPLATFORMDISPLAYEXTPROC>("eglGetPlatformDisplayEXT");
  const auto query = Extension<PFNEGLQUERYDEVICESEXTPROC>("eglQueryDevicesEXT");
  std::vector<EGLDisplay> displays;
  if (platform == nullptr) return displays;
  EGLDeviceEXT devices[kDevicesMax];
  EGLint count = 0;
  if (query == nullptr || !query(kDevicesMax, devices, &count)) count = 0;
  int first = 0, last = count;
  if (const char* chosen = std::getenv("MUJOCO_EGL_DEVICE_ID")) {
    if (!absl::SimpleAtoi(chosen, &first) || first < 0 || first >= count) {
      return absl::InvalidArgumentError(
          absl::StrCat("MUJOCO_EGL_DEVICE_ID must be the number of one of the ", count,
                       " EGL devices, got \"", chosen, "\""));
    }
    last = first + 1;
  }
  for (int i = first; i < last; ++i) {
    displays.push_back(platform(EGL_PLATFORM_DEVICE_EXT, devices[i], nullptr));
  }
  if (last == count) {
    displays.push_back(platform(EGL_PLATFORM_SURFACELESS_MESA, EGL_DEFAULT_DISPLAY, nullptr));
  }
  return displays;
}

// A current context on the display, or nullptr.
EGLContext MakeCurrentContext(EGLDisplay display) {
  if (display == EGL_NO_DISPLAY || !eglInitialize(display, nullptr, nullptr)) return nullptr;
  const EGLint wanted[] = {EGL_RED_SIZE,
                           8,
                           EGL_GREEN_SIZE,
                           8,
                           EGL_BLUE_SIZE,
                           8,
                           EGL_DEPTH_SIZE,
                           24,
                           EGL_SURFACE_TYPE,
                           EGL_PBUFFER_BIT,
                           EGL_RENDERABLE_TYPE,
                           EGL_OPENGL_BIT,
                           EGL_NONE};
  EGLConfig config;
  EGLint count = 0;
  if (!eglChooseConfig(display, wanted, &config, 1, &count) || count == 0 ||
      !eglBindAPI(EGL_OPENGL_API)) {
    eglTerminate(display);
    return nullptr;
  }
  const EGLContext context = eglCreateContext(display, config, EGL_NO_CONTEXT, nullptr);
  if (context != EGL_NO_CONTEXT &&
      eglMakeCurrent(display, EGL_NO_SURFACE, EGL_NO_SURFACE, context)) {
    return context;
  }
  if (context != EGL_NO_CONTEXT) eglDestroyContext(display, context);
  eglTerminate(display);
  return nullptr;
}

}  // namespace

absl::StatusOr<std::unique_ptr<EglContext>> EglContext::Create() {
  const absl::StatusOr<std::vector<EGLDisplay>> displays = Displays();
  if (!displays.ok()) return displays.status();
  for (const EGLDisplay display : *displays) {
    if (const EGLContext context = MakeCurrentContext(display)) {
      return absl::WrapUnique(new EglContext(display, context));
    }
  }
  return absl::FailedPreconditionError(
      "nothing here can draw: no GPU with EGL, and Mesa's software renderer is not installed; "
      "apt-get install libegl-mesa0 libgl1-mesa-dri libgl1");
}

EglContext::EglContext(void* display, void* context) : display_(display), context_(context) {
  const auto get = Extension<const unsigned char* (*)(unsigned)>("glGetString");
  const unsigned char* const name = get == nullptr ? nullptr : get(kGlRenderer);
  renderer_ = name == nullptr ? "unknown" : reinterpret_cast<const char*>(name);
}

EglContext::~EglContext() {
  eglMakeCurrent(display_, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
  eglDestroyContext(display_, context_);
  eglTerminate(display_);
}

bool EglContext::software() const {
  return absl::StrContains(renderer_, "llvmpipe") || absl::StrContains(renderer_, "softpipe");
}

}  // namespace pmoe
