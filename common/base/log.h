// What a process says to people while it works, on stderr:
//   2026-11-29T12:40:05.123Z actor 3 WARNING: the learner's clock is 4 s ahead
// What a user asked for (tables, JSON, results, help) is not logged but printed on stdout.
#pragma once

#include <cstdio>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/mutex.h"

namespace pmoe {

enum class LogLevel { kInfo, kWarning, kError };

// The lines of one stream. Knows of the line that redraws itself at the bottom of a terminal, so
// that whatever is said appears above it. Ignores write errors: a run must not end because nobody
// looks. Thread-safe.
class Logger {
 public:
  // The one of stderr; lives for ever.
  static Logger& OfProcess();
  // `out` must outlive it. terminal: `out` can erase a line.
  Logger(std::FILE* out, bool terminal) : out_(out), terminal_(terminal) {}

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
  void Put(const std::string& text) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  std::FILE* const out_;
  const bool terminal_;
  // Held while a line is written, or two threads' erasing and redrawing would mix.
  Mutex mu_;
  std::string role_ ABSL_GUARDED_BY(mu_) = "pmoe";
  std::string live_ ABSL_GUARDED_BY(mu_);  // "": none
};

// Log(LogLevel::kWarning, "replay ", shard, " is gone"): as absl::StrCat. Not with a lock held.
template <typename... Parts>
void Log(LogLevel level, const Parts&... parts) {
  Logger::OfProcess().Write(level, absl::StrCat(parts...));
}

}  // namespace pmoe
