// Frames to a video or to numbered PNG files, through an ffmpeg process. Thread-compatible.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace pmoe {

struct FrameFormat {
  int width = 0;
  int height = 0;
  double frames_per_s = 30.0;
};

class FrameWriter {
 public:
  // path: "x.mp4" (H.264), "x.webm" (VP9), or a folder for 000001.png, …, which is made.
  // NotFoundError: ffmpeg is not installed, or the folder cannot be made. InvalidArgumentError:
  // another ending.
  static absl::StatusOr<std::unique_ptr<FrameWriter>> Create(const std::string& path, bool png,
                                                             const FrameFormat& format);
  // Ends the file as it is.
  ~FrameWriter();
  FrameWriter(const FrameWriter&) = delete;
  FrameWriter& operator=(const FrameWriter&) = delete;

  // rgb: [height, width, 3], the lowest row first. DataLossError: ffmpeg has ended; its own message
  // is on stderr.
  absl::Status Write(absl::Span<const uint8_t> rgb);
  // After the last frame: waits for the file to be whole.
  absl::Status Close();

 private:
  FrameWriter(std::string path, int pid, int pipe)
      : path_(std::move(path)), pid_(pid), pipe_(pipe) {}

  std::string path_;
  int pid_;
  int pipe_;  // -1: closed
};

}  // namespace pmoe
