// What a process says to people while it works, on stderr:
//   2026-11-29T12:40:05.123Z actor 3 WARNING: the learner's clock is 4 s ahead
// What a user asked for (tables, JSON, results, help) is not logged but printed on stdout; where
// the program works on for long after it, with Say.
#pragma once

#include <cstdint>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/log_sink.h"
#include "common/base/mutex.h"

namespace pmoe {

enum class LogLevel { kInfo, kWarning, kError };

// The lines of one stream. Knows of the line that redraws itself at the bottom of a terminal, so
// that whatever is said appears above it. Ignores write errors, and waits a second at most for
// whoever has stopped reading (LogSink): a run must not end, or stand still, because nobody looks.
// Thread-safe.
class Logger {
 public:
  // The one of stderr; lives for ever.
  static Logger& OfProcess();
  // And the one of stdout.
  static Logger& OfStdout();
  // `fd` must outlive it. terminal: it can erase a line.
  Logger(int fd, bool terminal) : fd_(fd), terminal_(terminal), out_(fd) {}

  // Who speaks: the command at first, "actor 3" once it has a seat.
  void SetRole(absl::string_view role) ABSL_LOCKS_EXCLUDED(mu_);
  // Who speaks in the lines of the calling thread, in place of the process: a run of several.
  // Empty: the process again.
  static void SetThreadRole(absl::string_view role);
  static const std::string& ThreadRole();
  // Drops what the calling thread says: a simulation says the same a thousand times.
  static void SetThreadQuiet(bool quiet);
  // One line in one write; line breaks in `text` become spaces.
  void Write(LogLevel level, absl::string_view text) ABSL_LOCKS_EXCLUDED(mu_);
  // A line as it is: no time, role or level.
  void Print(absl::string_view line) ABSL_LOCKS_EXCLUDED(mu_);

  // The live line, in place of the one before; it must fit into columns(). Nothing where there is
  // no terminal.
  void DrawLive(absl::string_view line) ABSL_LOCKS_EXCLUDED(mu_);
  void EraseLive() ABSL_LOCKS_EXCLUDED(mu_);
  // Leaves it on the screen as a line of its own.
  void KeepLive() ABSL_LOCKS_EXCLUDED(mu_);

  bool terminal() const { return terminal_; }
  // Of the terminal, now; 80 where there is none.
  int columns() const;

 private:
  std::string Line(LogLevel level, absl::string_view text) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Put(const std::string& text) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const int fd_;
  const bool terminal_;
  // Held while a line is written, or two threads' erasing and redrawing would mix.
  Mutex mu_;
  LogSink out_ ABSL_GUARDED_BY(mu_);
  int64_t missing_ ABSL_GUARDED_BY(mu_) = 0;  // texts that nobody took, since the last that was
  std::string role_ ABSL_GUARDED_BY(mu_) = "pmoe";
  std::string live_ ABSL_GUARDED_BY(mu_);  // "": none
};

// Log(LogLevel::kWarning, "replay ", shard, " is gone"): as absl::StrCat. Not with a lock held.
template <typename... Parts>
void Log(LogLevel level, const Parts&... parts) {
  Logger::OfProcess().Write(level, absl::StrCat(parts...));
}

// A line on stdout that nobody needs to take, for the work to go on.
template <typename... Parts>
void Say(const Parts&... parts) {
  Logger::OfStdout().Print(absl::StrCat(parts...));
}

}  // namespace pmoe
