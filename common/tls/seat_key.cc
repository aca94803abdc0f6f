#include "common/tls/seat_key.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/tls/openssl.h"
#include "openssl/crypto.h"
#include "openssl/hmac.h"
#include "openssl/rand.h"

namespace pmoe {
namespace {

constexpr absl::string_view kPurpose = "pmoe seat 1";

absl::Status Unusable(const std::string& path, absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat(
      path, " ", why, "; remove it: the learner makes another, and members join anew"));
}

// Reads an open key file.
absl::StatusOr<SeatKey> Read(int fd, const std::string& path) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return FileError("look at", path, errno);
  if (!S_ISREG(info.st_mode)) return Unusable(path, "is not a regular file");
  std::string bytes(SeatKey::kBytes + 1, '\0');
  const ssize_t n = ::read(fd, bytes.data(), bytes.size());
  if (n != static_cast<ssize_t>(SeatKey::kBytes)) {
    return Unusable(path, absl::StrCat("must hold ", SeatKey::kBytes, " bytes"));
  }
  bytes.resize(SeatKey::kBytes);
  return SeatKey(std::move(bytes));
}

absl::StatusOr<SeatKey> Make(const std::string& path) {
  std::string bytes(SeatKey::kBytes, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), SeatKey::kBytes) != 1) {
    return openssl::Failed("draw a key");
  }
  PMOE_RETURN_IF_ERROR(WriteFileAtomic(path, bytes, FileReaders::kPrivate));
  return SeatKey(std::move(bytes));
}

std::string Covered(const SeatClaim& claim) {
  ByteWriter out;
  out.String(std::string(kPurpose));
  out.String(claim.run_id);
  out.Pod(static_cast<int32_t>(claim.role));
  out.Pod(claim.index);
  out.Pod(claim.epoch);
  return out.Take();
}

}  // namespace

absl::StatusOr<SeatKey> SeatKey::OfFile(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return Make(path);
  if (fd < 0 && errno == ELOOP) return Unusable(path, "is a link");
  if (fd < 0) return FileError("open", path, errno);
  const absl::Cleanup close = [fd] { ::close(fd); };
  struct stat info {};
  const bool regular = ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
  // A volume may give every file to its group (Kubernetes' fsGroup). The key stays: in lockstep
  // actors that live on have seats of it.
  if (regular && (info.st_mode & 077) != 0 && (info.st_mode & 07) == 0) (void)::fchmod(fd, 0600);
  if (regular && (info.st_mode & 07) != 0) {
    Log(LogLevel::kWarning, path,
        " could be read by others: a new key is made, and members join "
        "anew");
    return Make(path);
  }
  return Read(fd, path);
}

std::string SeatKey::Sign(const SeatClaim& claim) const {
  const std::string covered = Covered(claim);
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned size = 0;
  HMAC(EVP_sha256(), bytes_.data(), static_cast<int>(bytes_.size()),
       reinterpret_cast<const unsigned char*>(covered.data()), covered.size(), mac.data(), &size);
  return std::string(reinterpret_cast<const char*>(mac.data()), size);
}

bool SeatKey::Verify(const SeatClaim& claim, absl::string_view signature) const {
  const std::string wanted = Sign(claim);
  return signature.size() == wanted.size() &&
         CRYPTO_memcmp(signature.data(), wanted.data(), wanted.size()) == 0;
}

}  // namespace pmoe
