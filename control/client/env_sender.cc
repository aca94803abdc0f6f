#include "control/client/env_sender.h"

#include <utility>

#include "absl/status/statusor.h"
#include "common/base/file.h"

namespace pmoe {
namespace {
constexpr uint64_t kPieceBytes = 1 << 20;
}  // namespace

void EnvSender::Set(EnvRecord env) {
  env_ = std::move(env);
  env_.files.clear();
}

void EnvSender::Start() {
  MutexLock lock(&mu_);
  sending_ = true;
  file_ = 0;
  offset_ = 0;
}

void EnvSender::Stop() {
  MutexLock lock(&mu_);
  sending_ = false;
}

bool EnvSender::Fill(FollowerMessage* message) {
  MutexLock lock(&mu_);
  if (!sending_ || file_ >= env_.spec.files_size()) return false;
  if (offset_ == 0) {
    absl::StatusOr<std::string> bytes = ReadFile(env_.paths[static_cast<size_t>(file_)]);
    if (!bytes.ok() || bytes->size() != env_.spec.files(file_).bytes()) return sending_ = false;
    bytes_ = *std::move(bytes);
  }
  EnvFilePiece* const piece = message->mutable_env_file();
  piece->set_file(static_cast<uint32_t>(file_));
  piece->set_offset(offset_);
  piece->set_data(bytes_.substr(offset_, kPieceBytes));
  offset_ += piece->data().size();
  if (offset_ >= bytes_.size()) {
    bytes_.clear();
    offset_ = 0;
    ++file_;
  }
  return file_ < env_.spec.files_size();
}

}  // namespace pmoe
