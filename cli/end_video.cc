#include "cli/end_video.h"

#include <poll.h>

#include <chrono>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cli/up/child.h"
#include "common/base/build_info.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/metrics/tensorboard_writer.h"
#include "common/policy/policy_snapshot.h"

namespace pmoe {
namespace {

constexpr int kPoll_ms = 50;
// TensorBoard reads whole events, and keeps several pictures of each run.
constexpr size_t kGifBytesMax = 8 << 20;

std::optional<ChildEnd> WaitFor(Child* child, const std::atomic<bool>& interrupted) {
  for (;;) {
    if (const std::optional<ChildEnd> end = child->Poll()) return end;
    if (interrupted) return std::nullopt;  // the child goes with its object
    ::poll(nullptr, 0, kPoll_ms);
  }
}

double UnixTime_s() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// At the step of the weights that play.
absl::Status ShowInTensorBoard(const std::string& run_directory, const std::string& gif_file) {
  PMOE_ASSIGN_OR_RETURN(const std::string gif, ReadFile(gif_file));
  if (gif.size() > kGifBytesMax) {
    return absl::ResourceExhaustedError(
        absl::StrCat(gif_file, " has ", gif.size(), " bytes, more than ", kGifBytesMax));
  }
  PMOE_ASSIGN_OR_RETURN(std::string bytes, ReadFile(run_directory + "/snapshots/best.pmoe"));
  PMOE_ASSIGN_OR_RETURN(const PolicySnapshot best, PolicySnapshot::Decode(std::move(bytes)));
  const double now_s = UnixTime_s();
  PMOE_ASSIGN_OR_RETURN(TensorBoardWriter events, TensorBoardWriter::Create(run_directory, now_s));
  return events.WriteGif(static_cast<int64_t>(best.env_steps), now_s, "eval/video", gif);
}

}  // namespace

void WriteEndVideo(const std::string& run_directory, const std::atomic<bool>& interrupted) {
  const std::string folder = run_directory + "/videos";
  const std::string video = folder + "/best.mp4";
  const std::string gif = folder + "/best.gif";
  const std::string log = folder + "/best.log";
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  std::filesystem::remove(log, error);
  absl::StatusOr<Child> child = Child::Start(
      {BinaryPath("pmoe-actor"), "play", "--run", run_directory, "--snapshot", "best", "--video",
       video, "--gif", gif, "--frames", "300", "--width", "480", "--height", "360"},
      log);
  std::optional<ChildEnd> end;
  if (child.ok()) end = WaitFor(&*child, interrupted);
  if (end.has_value() && end->exit_code == 0) {
    Say("video of the best policy: ", video);
    const absl::Status shown = ShowInTensorBoard(run_directory, gif);
    if (!shown.ok()) Say("no video in TensorBoard: ", shown.message());
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
