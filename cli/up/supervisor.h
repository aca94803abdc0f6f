// Keeps the processes of a cluster on this machine alive until the run is finished or the user
// stops it: starts them, starts again what dies, ends them in order. Knows commands, not what they
// do. Used by one thread, which must live as long as the children (they end with their parent).
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cli/up/child.h"
#include "common/base/clock.h"

namespace pmoe {

// In the order in which they are ended.
enum class ProcessKind { kLearner, kActor, kEvaluator, kReplay };

struct ProcessSpec {
  ProcessKind kind = ProcessKind::kActor;
  std::string name;                                 // "actor 1"
  std::string log;                                  // its output; empty: the terminal
  std::function<std::vector<std::string>()> words;  // asked at every start
};

struct SupervisorOptions {
  std::vector<ProcessSpec> processes;
  std::string pid_file;            // cluster.json; empty: none
  std::function<bool()> finished;  // is the run complete?
  bool restart = true;  // false (lockstep): losing anything but the evaluator ends the run
  std::chrono::seconds learner_grace{60};  // to write a checkpoint
  std::chrono::seconds grace{12};          // for the others, each
};

class Supervisor {
 public:
  explicit Supervisor(SupervisorOptions options);

  // Until the run is finished or *interrupted: OK, with every process ended. An error is what ended
  // the run before that, with the last lines of the culprit's log; its code gives the exit code.
  absl::Status Run(const std::atomic<bool>& interrupted);

 private:
  struct Process {
    ProcessSpec spec;
    std::optional<Child> child;
    Clock::Time started{};
    Clock::Time restart_at{};  // while there is no child
    bool waiting = false;      // for restart_at
    double delay_s = 0.0;
    int restarts = 0;
    std::deque<Clock::Time> recent;  // restarts of the last minute
  };

  absl::Status StartAll();
  absl::Status Start(Process* process);
  absl::Status Watch(const std::atomic<bool>& interrupted);
  absl::Status OnEnd(Process* process, const ChildEnd& end);
  absl::Status ScheduleRestart(Process* process, const ChildEnd& end);
  void StopAll(bool told);
  void Stop(const std::vector<ProcessKind>& kinds, std::chrono::seconds grace, bool signal);
  // The learner did not end in order when it was told to.
  void OnBadStop(const Process& process, const std::string& how);
  void WritePids() const;

  const SupervisorOptions options_;
  std::vector<Process> processes_;
  std::string bad_stop_;  // the learner's, in words
};

// The last `lines` lines of a file, for messages; "" if it cannot be read.
std::string LastLines(const std::string& path, int lines);

}  // namespace pmoe
