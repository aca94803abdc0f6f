#include "cli/end_video.h"

#include <poll.h>

#include <filesystem>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"
#include "cli/up/child.h"
#include "common/base/build_info.h"
#include "common/base/file.h"
#include "common/base/log.h"

namespace pmoe {
namespace {

constexpr int kPoll_ms = 50;

std::optional<ChildEnd> WaitFor(Child* child, const std::atomic<bool>& interrupted) {
  for (;;) {
    if (const std::optional<ChildEnd> end = child->Poll()) return end;
    if (interrupted) return std::nullopt;  // the child goes with its object
    ::poll(nullptr, 0, kPoll_ms);
  }
}

}  // namespace

void WriteEndVideo(const std::string& run_directory, const std::atomic<bool>& interrupted) {
  const std::string folder = run_directory + "/videos";
  const std::string video = folder + "/best.mp4";
  const std::string log = folder + "/best.log";
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  std::filesystem::remove(log, error);
  absl::StatusOr<Child> child =
      Child::Start({BinaryPath("pmoe-actor"), "play", "--run", run_directory, "--snapshot", "best",
                    "--video", video, "--frames", "300", "--width", "480", "--height", "360"},
                   log);
  std::optional<ChildEnd> end;
  if (child.ok()) end = WaitFor(&*child, interrupted);
  if (end.has_value() && end->exit_code == 0) {
    Say("video of the best policy: ", video);
    return;
  }
  const absl::StatusOr<std::string> said = ReadFile(log);
  const std::string reason =
      interrupted  ? "interrupted"
      : said.ok()  ? std::string(absl::StripPrefix(absl::StripAsciiWhitespace(*said), "pmoe: "))
      : child.ok() ? "pmoe-actor left no message"
                   : std::string(child.status().message());
  Say("no video: ", reason);
}

}  // namespace pmoe
