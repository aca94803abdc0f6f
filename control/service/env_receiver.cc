#include "control/service/env_receiver.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "control/wire/env_identity.h"

namespace pmoe {

EnvReceiver::EnvReceiver(EnvSpecMessage env) { record_.spec = std::move(env); }

absl::StatusOr<bool> EnvReceiver::Add(const EnvFilePiece& piece) {
  std::vector<std::string>& files = record_.files;
  const int count = record_.spec.files_size();
  if (piece.offset() == 0 && files.size() == piece.file()) files.emplace_back();
  if (size_t{piece.file()} + 1 != files.size() || files.size() > static_cast<size_t>(count)) {
    return absl::InvalidArgumentError(absl::StrCat("piece of file ", piece.file(), " where ",
                                                   files.size(), " have begun of ", count));
  }
  const EnvFileInfo& info = record_.spec.files(static_cast<int>(piece.file()));
  std::string& bytes = files.back();
  if (piece.offset() != bytes.size() || piece.data().size() > info.bytes() - bytes.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("piece at ", piece.offset(), " of ", piece.data().size(), " bytes, where ",
                     bytes.size(), " of ", info.bytes(), " are there"));
  }
  bytes += piece.data();
  if (bytes.size() < info.bytes()) return false;
  if (Sha256(bytes) != info.sha256()) {
    return absl::InvalidArgumentError(absl::StrCat(info.name(), " has another digest than said"));
  }
  return files.size() == static_cast<size_t>(count);
}

}  // namespace pmoe
