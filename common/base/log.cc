#include "common/base/log.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace pmoe {
namespace {

constexpr int kDefaultColumns = 80;
constexpr absl::string_view kErase = "\r\x1b[K";

const char* LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kInfo:
      return "INFO";
    case LogLevel::kWarning:
      return "WARNING";
    default:
      return "ERROR";
  }
}

bool CanErase(int fd) {
  const char* term = std::getenv("TERM");
  const bool dumb = term == nullptr || absl::string_view(term) == "dumb";
  return !dumb && ::isatty(fd) == 1;
}

thread_local bool thread_quiet = false;
thread_local std::string thread_role;

}  // namespace

Logger& Logger::OfProcess() {
  static auto& logger = *new Logger(STDERR_FILENO, CanErase(STDERR_FILENO));
  return logger;
}

Logger& Logger::OfStdout() {
  static auto& logger = *new Logger(STDOUT_FILENO, /*terminal=*/false);
  return logger;
}

void Logger::SetRole(absl::string_view role) {
  MutexLock lock(&mu_);
  role_ = std::string(role);
}

void Logger::SetThreadRole(absl::string_view role) { thread_role = std::string(role); }

const std::string& Logger::ThreadRole() { return thread_role; }

void Logger::SetThreadQuiet(bool quiet) { thread_quiet = quiet; }

void Logger::Write(LogLevel level, absl::string_view text) {
  if (thread_quiet) return;
  MutexLock lock(&mu_);
  Put(absl::StrCat(Line(level, text), live_));
}

std::string Logger::Line(LogLevel level, absl::string_view text) const {
  const std::string time =
      absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(), absl::UTCTimeZone());
  const std::string& role = thread_role.empty() ? role_ : thread_role;
  return absl::StrCat(time, " ", role, " ", LevelName(level), ": ",
                      absl::StrReplaceAll(text, {{"\n", " "}, {"\r", " "}}), "\n");
}

void Logger::Print(absl::string_view line) {
  MutexLock lock(&mu_);
  Put(absl::StrCat(line, "\n", live_));
}

void Logger::DrawLive(absl::string_view line) {
  if (!terminal_) return;
  MutexLock lock(&mu_);
  live_ = std::string(line);
  Put(live_);
}

void Logger::EraseLive() {
  MutexLock lock(&mu_);
  if (!live_.empty()) Put("");
  live_.clear();
}

void Logger::KeepLive() {
  MutexLock lock(&mu_);
  if (live_.empty()) return;
  Put(live_ + "\n");
  live_.clear();
}

int Logger::columns() const {
  winsize size{};
  const bool known = ::ioctl(fd_, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : kDefaultColumns;
}

// Erases even where we have drawn nothing: the line of another process may stand there, as the
// learner's does under what `pmoe up` says.
void Logger::Put(const std::string& text) {
  const absl::string_view erase = terminal_ ? kErase : "";
  const std::string before =
      missing_ == 0 ? ""
                    : Line(LogLevel::kWarning, absl::StrCat(missing_,
                                                            " texts before this one are "
                                                            "missing: nobody took them"));
  missing_ = out_.Write(absl::StrCat(erase, before, text)) ? 0 : missing_ + 1;
}

}  // namespace pmoe
