#include "actor/render/frame_writer.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

extern char** environ;

namespace pmoe {
namespace {

absl::StatusOr<std::vector<std::string>> OutputWords(const std::string& path, bool png) {
  if (png) {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error) {
      return absl::NotFoundError(
          absl::StrCat("cannot make the folder ", path, ": ", error.message()));
    }
    return std::vector<std::string>{path + "/%06d.png"};
  }
  if (absl::EndsWith(path, ".mp4")) {
    return std::vector<std::string>{"-c:v",     "libx264",   "-pix_fmt",   "yuv420p", "-preset",
                                    "veryfast", "-movflags", "+faststart", path};
  }
  if (absl::EndsWith(path, ".webm")) {
    return std::vector<std::string>{"-c:v",      "libvpx-vp9", "-pix_fmt", "yuv420p",
                                    "-deadline", "realtime",   path};
  }
  return absl::InvalidArgumentError(
      absl::StrCat("a video ends in .mp4 (H.264) or .webm (VP9), got ", path));
}

// Out of the terminal's process group: a Ctrl-C is ours to turn into a file that is whole.
absl::StatusOr<int> Spawn(const std::vector<std::string>& words, int input) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, argv[0], &files, &attributes, argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  if (error == 0) return static_cast<int>(pid);
  return absl::NotFoundError("ffmpeg cannot be started; apt-get install ffmpeg");
}

}  // namespace

absl::StatusOr<std::unique_ptr<FrameWriter>> FrameWriter::Create(const std::string& path, bool png,
                                                                 const FrameFormat& format) {
  std::vector<std::string> words = {"ffmpeg",
                                    "-hide_banner",
                                    "-loglevel",
                                    "error",
                                    "-y",
                                    "-f",
                                    "rawvideo",
                                    "-pix_fmt",
                                    "rgb24",
                                    "-s",
                                    absl::StrCat(format.width, "x", format.height),
                                    "-r",
                                    absl::StrCat(format.frames_per_s),
                                    "-i",
                                    "-",
                                    "-vf",
                                    "vflip"};
  PMOE_ASSIGN_OR_RETURN(const std::vector<std::string> output, OutputWords(path, png));
  words.insert(words.end(), output.begin(), output.end());
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return absl::InternalError("cannot make a pipe");
  ::signal(SIGPIPE, SIG_IGN);  // a write to an ffmpeg that has ended is an error like any other
  const absl::StatusOr<int> pid = Spawn(words, ends[0]);
  ::close(ends[0]);
  if (!pid.ok()) {
    ::close(ends[1]);
    return pid.status();
  }
  return absl::WrapUnique(new FrameWriter(path, *pid, ends[1]));
}

FrameWriter::~FrameWriter() { Close().IgnoreError(); }

absl::Status FrameWriter::Write(absl::Span<const uint8_t> rgb) {
  while (!rgb.empty()) {
    const ssize_t written = ::write(pipe_, rgb.data(), rgb.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return absl::DataLossError(absl::StrCat("ffmpeg stopped writing ", path_));
    rgb.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status FrameWriter::Close() {
  if (pipe_ < 0) return absl::OkStatus();
  ::close(pipe_);
  pipe_ = -1;
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("ffmpeg could not write ", path_));
}

}  // namespace pmoe
