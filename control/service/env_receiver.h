// Puts the files of a task together as a member sends them, piece by piece. Thread-compatible.
#pragma once

#include "absl/status/statusor.h"
#include "control/wire/env_folder.h"
#include "proto/run.pb.h"

namespace pmoe {

class EnvReceiver {
 public:
  // `env` says how long they are and what their digests are.
  explicit EnvReceiver(EnvSpecMessage env);

  // True: that was the last one. InvalidArgumentError: a piece out of order, too long, or a file of
  // another digest.
  absl::StatusOr<bool> Add(const EnvFilePiece& piece);
  EnvRecord Take() { return std::move(record_); }

 private:
  EnvRecord record_;
};

}  // namespace pmoe
