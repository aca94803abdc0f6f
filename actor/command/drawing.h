// What `pmoe play` shows, handed to draw.py step by step: MuJoCo's Python wheel draws it and ffmpeg
// writes the file. Thread-compatible.
#pragma once

#include <cstdio>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "actor/env/env.h"

namespace pmoe {

struct DrawingOptions {
  std::string path;  // "x.mp4" (H.264), "x.webm" (VP9), or a folder for 000001.png, …
  bool png = false;
  std::string gif;  // beside it a small file of its first 10 s; empty: none
  int width = 640;  // pixels, even: video formats halve the colours
  int height = 480;
  std::string
      camera;  // of the model; empty: "track" if it has one, else one that follows the robot
};

class Drawing {
 public:
  // `example` as an example of the environments to draw. FailedPreconditionError: it has no picture
  // (a plugin without render), or no Python with MuJoCo is here.
  static absl::StatusOr<std::unique_ptr<Drawing>> Start(const DrawingOptions& options,
                                                        const Env& example);
  // Ends the file as it is.
  ~Drawing() { Close(); }
  Drawing(const Drawing&) = delete;
  Drawing& operator=(const Drawing&) = delete;

  // The present state, with two columns of text in a corner. False: nobody draws any more; Close
  // tells why.
  bool Add(const Env& env, const std::string& labels, const std::string& values);
  // After the last step: waits for the file to be whole. The exit code of what draws, which has
  // said on stderr what went wrong.
  int Close();
  // Of an environment that could not draw itself.
  const absl::Status& error() const { return error_; }

 private:
  Drawing(std::FILE* pipe, bool draws_itself) : pipe_(pipe), draws_itself_(draws_itself) {}

  std::FILE* pipe_;  // nullptr: closed
  const bool draws_itself_;
  absl::Status error_;
};

}  // namespace pmoe
