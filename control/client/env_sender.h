// Tells the learner what this member steps, and hands it the files when it asks for a copy: a piece
// with each report. Set, spec and Stop come before or from the thread that writes reports, as Fill;
// Start from the one that reads. Thread-safe so far.
#pragma once

#include <string>

#include "common/base/mutex.h"
#include "control/wire/env_folder.h"
#include "proto/run.pb.h"

namespace pmoe {

class EnvSender {
 public:
  // The files' bytes are read again when they are asked for.
  void Set(EnvRecord env);
  const EnvSpecMessage& spec() const { return env_.spec; }

  void Start() ABSL_LOCKS_EXCLUDED(mu_);
  // A new stream begins: what the last one asked for is over.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);
  // Adds the next piece, if there is one. True: another waits, so report again soon. A file that is
  // gone or has changed since ends it; the learner goes without a copy.
  bool Fill(FollowerMessage* message) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  EnvRecord env_;
  std::string bytes_;  // of the file that is on its way; the writing thread's
  Mutex mu_;
  bool sending_ ABSL_GUARDED_BY(mu_) = false;
  int file_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t offset_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace pmoe
