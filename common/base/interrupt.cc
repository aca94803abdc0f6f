#include "common/base/interrupt.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstring>

namespace pmoe {
namespace {

constexpr int kExitInterrupted = 130;
constexpr int kExitTooSlow = 1;

std::atomic<bool> g_interrupted{false};
const char* g_text = "";
unsigned g_grace_s = 0;

// Async-signal-safe calls only.
void OnSignal(int) {
  if (g_interrupted.exchange(true)) _exit(kExitInterrupted);
  [[maybe_unused]] const ssize_t n = write(STDERR_FILENO, g_text, std::strlen(g_text));
  if (g_grace_s > 0) alarm(g_grace_s);
}

// A terminal that closes hangs up more than once, by its shell and by the kernel: only the first
// counts.
void OnHangup(int number) {
  if (!g_interrupted) OnSignal(number);
}

void OnAlarm(int) {
  constexpr char kText[] = "pmoe: could not finish in time; ended\n";
  [[maybe_unused]] const ssize_t n = write(STDERR_FILENO, kText, sizeof(kText) - 1);
  _exit(kExitTooSlow);
}

void Install(int number, void (*handler)(int)) {
  struct sigaction action;
  std::memset(&action, 0, sizeof(action));
  action.sa_handler = handler;
  sigaction(number, &action, nullptr);
}

// As nohup leaves it.
bool Ignored(int number) {
  struct sigaction before;
  return sigaction(number, nullptr, &before) == 0 && before.sa_handler == SIG_IGN;
}

}  // namespace

const std::atomic<bool>& InstallInterruptHandler(const char* text, unsigned grace_s) {
  g_text = text;
  g_grace_s = grace_s;
  Install(SIGINT, OnSignal);
  Install(SIGTERM, OnSignal);
  if (!Ignored(SIGHUP)) Install(SIGHUP, OnHangup);
  Install(SIGALRM, OnAlarm);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);  // a file size limit is then an error of write(), like a full disk
  return g_interrupted;
}

void EndWithParent(int parent) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(kExitTooSlow);
}

}  // namespace pmoe
