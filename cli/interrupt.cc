#include "cli/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <cstring>

namespace pmoe {
namespace {

std::atomic<bool> g_interrupted{false};

// Async-signal-safe calls only.
void OnSignal(int) {
  constexpr int kExitInterrupted = 130;
  if (g_interrupted.exchange(true)) _exit(kExitInterrupted);
  constexpr char kText[] =
      "\npmoe: finishing the round and writing a checkpoint; once more ends it now\n";
  [[maybe_unused]] const ssize_t n = write(STDERR_FILENO, kText, sizeof(kText) - 1);
}

}  // namespace

const std::atomic<bool>& InstallInterruptHandler() {
  struct sigaction action;
  std::memset(&action, 0, sizeof(action));
  action.sa_handler = OnSignal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);  // a file size limit is then an error of write(), like a full disk
  return g_interrupted;
}

}  // namespace pmoe
