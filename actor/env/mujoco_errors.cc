#include "actor/env/mujoco_errors.h"

#include <atomic>
#include <csetjmp>
#include <cstdlib>
#include <mutex>

#include "common/base/log.h"

namespace pmoe {
namespace {

constexpr int kShownMax = 10;

// Where an error of this thread's call jumps to; null outside CallMujoco.
thread_local std::jmp_buf* escape = nullptr;

void Show(const char* what, const char* message, std::atomic<int>* count) {
  const int nth = count->fetch_add(1, std::memory_order_relaxed) + 1;
  if (nth > kShownMax) return;
  Log(LogLevel::kWarning, "mujoco ", what, ": ", message,
      nth == kShownMax ? " (more of them will not be shown)" : "");
}

void OnWarning(const char* message) {
  static std::atomic<int> count = 0;
  Show("warning", message, &count);
}

// MuJoCo's error callback must not return.
void OnError(const char* message) {
  static std::atomic<int> count = 0;
  if (escape != nullptr) {
    Show("error", message, &count);
    std::longjmp(*escape, 1);
  }
  Log(LogLevel::kError, "mujoco error: ", message);
  std::abort();
}

}  // namespace

void InstallMujocoHandlers() {
  static std::once_flag once;
  std::call_once(once, [] {
    mju_user_warning = &OnWarning;
    mju_user_error = &OnError;
  });
}

// The jump crosses MuJoCo's C alone: nothing between here and OnError has a destructor to run.
void CallMujoco(void (*function)(const mjModel*, mjData*), const mjModel& model, mjData* data) {
  std::jmp_buf here;
  if (setjmp(here) == 0) {
    escape = &here;
    function(&model, data);
    escape = nullptr;
    return;
  }
  escape = nullptr;
  mj_resetData(&model, data);
  ++data->warning[mjWARN_BADQACC].number;
}

}  // namespace pmoe
