#include "cli/doctor/probe.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "cli/up/child.h"
#include "common/base/clock.h"
#include "common/base/stopwatch.h"

namespace pmoe {
namespace {

constexpr std::chrono::milliseconds kPoll{10};
constexpr size_t kSaidMax = 1 << 20;  // bytes that are read of it

// A file in memory: a probe must work where every disk is full.
class MemoryFile {
 public:
  MemoryFile() : fd_(::memfd_create("pmoe-probe", MFD_CLOEXEC)) {}
  ~MemoryFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  // For the child, which still has our descriptors when it opens its own.
  std::string path() const { return absl::StrCat("/proc/self/fd/", fd_); }
  std::string Read() const {
    std::string text(kSaidMax, '\0');
    const ssize_t bytes = ::pread(fd_, text.data(), text.size(), 0);
    text.resize(bytes > 0 ? static_cast<size_t>(bytes) : 0);
    return text;
  }

 private:
  const int fd_;
};

// How our programs end on an error, which more lines may follow; else the last line.
std::string Cause(absl::string_view text) {
  std::string error, last;
  for (absl::string_view line : absl::StrSplit(text, absl::ByAnyChar("\r\n"))) {
    line = absl::StripAsciiWhitespace(line);
    if (line.empty()) continue;
    last = std::string(line);
    if (absl::ConsumePrefix(&line, "pmoe: ")) error = std::string(line);
  }
  return error.empty() ? last : error;
}

}  // namespace

Probe RunProbe(const std::vector<std::string>& words, double deadline_s,
               const std::atomic<bool>& interrupted) {
  const MemoryFile output;
  const Stopwatch watch;
  Probe probe;
  absl::StatusOr<Child> child = Child::Start(words, output.path());
  if (!child.ok()) {
    probe.failure = std::string(child.status().message());
    return probe;
  }
  std::optional<ChildEnd> end;
  while (!(end = child->Poll()) && !interrupted && watch.Elapsed() < deadline_s) {
    Clock::Real()->Sleep(kPoll);
  }
  probe.seconds = watch.Elapsed();
  probe.said = output.Read();
  probe.ok = end.has_value() && end->exit_code == 0;
  if (probe.ok) return probe;
  probe.failure = Cause(probe.said);
  if (interrupted) {
    probe.failure = "interrupted";
  } else if (!end.has_value()) {
    probe.failure = absl::StrCat("had not ended after ", deadline_s, " s: ", probe.failure);
  } else if (probe.failure.empty()) {
    probe.failure = end->Text();
  }
  return probe;
}

std::string FindOnPath(const std::string& program) {
  const char* const path = std::getenv("PATH");
  for (absl::string_view folder : absl::StrSplit(path == nullptr ? "" : path, ':')) {
    if (folder.empty()) continue;
    std::string file = absl::StrCat(folder, "/", program);
    if (::access(file.c_str(), X_OK) == 0) return file;
  }
  return "";
}

}  // namespace pmoe
