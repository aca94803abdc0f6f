// What a run steps, as its members say it: the first one does, unless the run's directory knows
// already, and all others must say the same. One after the other is asked for the task's files
// until one has sent them. Thread-compatible.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "control/service/env_receiver.h"
#include "proto/run.pb.h"

namespace pmoe {

struct EnvAgreementOptions {
  std::string directory;                   // of the run, for messages
  EnvConfig config{};                      // the task of the run's configuration
  std::optional<EnvSpecMessage> kept_env;  // what the run was made with, if that is known
  bool allow_other_env = false;
};

class EnvAgreement {
 public:
  explicit EnvAgreement(EnvAgreementOptions options) : options_(std::move(options)) {}

  // A member's first message. Replay shards step nothing. InvalidArgumentError: it makes no sense;
  // FailedPreconditionError: it is not the run's, and how.
  absl::Status Check(const FollowerMessage& first);
  const std::optional<EnvSpecMessage>& env() const { return env_; }
  // Whether a member has the very files of the first one.
  bool HasFiles(const FollowerMessage& first) const;

  // From now on members are asked.
  void WantFiles() { wants_files_ = true; }
  // Whether the member of this stream, which has the files, is asked now; once.
  bool Asks(uint64_t stream);
  // A piece; of a stream that was not asked it is ignored. InvalidArgumentError: the files are not
  // kept.
  absl::Status OnFile(uint64_t stream, const EnvFilePiece& piece);
  // True: another one is asked in its place.
  bool OnClose(uint64_t stream);
  // What was sent, once.
  std::optional<EnvRecord> TakeFiles() { return std::exchange(files_, std::nullopt); }

 private:
  absl::Status CheckFirst(const EnvSpecMessage& env) const;

  const EnvAgreementOptions options_;
  std::optional<EnvSpecMessage> env_;
  bool wants_files_ = false;
  uint64_t stream_ = 0;  // that was asked for them; 0: none
  std::optional<EnvReceiver> receiver_;
  std::optional<EnvRecord> files_;
};

}  // namespace pmoe
