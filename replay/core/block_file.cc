#include "replay/core/block_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/crc32c.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

constexpr absl::string_view kMagic = "PMOERPL2";
constexpr size_t kBufferBytes = size_t{1} << 20;

template <typename T>
absl::string_view Bytes(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

}  // namespace

absl::StatusOr<std::unique_ptr<BlockFileWriter>> BlockFileWriter::Create(const std::string& path) {
  const std::string tmp = path + ".tmp";
  ::unlink(tmp.c_str());  // of a process that was killed
  PMOE_ASSIGN_OR_RETURN(const int fd, CreateNewFile(tmp));
  return std::unique_ptr<BlockFileWriter>(new BlockFileWriter(path, fd));
}

BlockFileWriter::BlockFileWriter(std::string path, int fd)
    : path_(std::move(path)), tmp_(path_ + ".tmp"), fd_(fd), buffer_(kMagic) {
  buffer_.reserve(2 * kBufferBytes);
}

BlockFileWriter::~BlockFileWriter() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(tmp_.c_str());
}

absl::Status BlockFileWriter::Flush() {
  absl::string_view rest = buffer_;
  while (!rest.empty()) {
    const ssize_t n = ::write(fd_, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FileError("write", tmp_, errno);
    rest.remove_prefix(static_cast<size_t>(n));
  }
  buffer_.clear();
  return absl::OkStatus();
}

absl::Status BlockFileWriter::Append(absl::string_view bytes) {
  buffer_.append(bytes.data(), bytes.size());
  return buffer_.size() < kBufferBytes ? absl::OkStatus() : Flush();
}

absl::Status BlockFileWriter::Write(uint32_t type,
                                    std::initializer_list<absl::string_view> pieces) {
  uint64_t length = 0;
  for (absl::string_view piece : pieces) length += piece.size();
  uint32_t crc = Crc32c(Bytes(length), Crc32c(Bytes(type)));
  PMOE_RETURN_IF_ERROR(Append(Bytes(type)));
  PMOE_RETURN_IF_ERROR(Append(Bytes(length)));
  for (absl::string_view piece : pieces) {
    crc = Crc32c(piece, crc);
    PMOE_RETURN_IF_ERROR(Append(piece));
  }
  return Append(Bytes(crc));
}

absl::Status BlockFileWriter::Finish() {
  PMOE_RETURN_IF_ERROR(Write(kEndBlock, {}));
  PMOE_RETURN_IF_ERROR(Flush());
  if (::fsync(fd_) != 0) return FileError("sync", tmp_, errno);
  if (::rename(tmp_.c_str(), path_.c_str()) != 0) return FileError("rename", tmp_, errno);
  ::close(std::exchange(fd_, -1));
  return SyncParent(path_);
}

absl::StatusOr<std::unique_ptr<BlockFileReader>> BlockFileReader::Open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return FileError("open", path, errno);
  struct stat info {};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(fd);
    return absl::NotFoundError(absl::StrCat(path, " is not a regular file"));
  }
  std::unique_ptr<BlockFileReader> reader(
      new BlockFileReader(path, fd, static_cast<uint64_t>(info.st_size)));
  std::string magic(kMagic.size(), '\0');
  PMOE_RETURN_IF_ERROR(reader->ReadExactly(magic.data(), magic.size()));
  if (magic != kMagic) return reader->Bad("is not a saved replay shard of this version");
  return reader;
}

BlockFileReader::BlockFileReader(std::string path, int fd, uint64_t size)
    : path_(std::move(path)), fd_(fd), size_(size) {}

BlockFileReader::~BlockFileReader() { ::close(fd_); }

absl::Status BlockFileReader::Bad(absl::string_view what) const {
  return absl::DataLossError(absl::StrCat(path_, " ", what, " (at byte ", at_, " of ", size_,
                                          "); take an older checkpoint"));
}

absl::Status BlockFileReader::ReadExactly(void* out, size_t n) {
  if (n > remaining()) return Bad("is truncated");
  char* to = static_cast<char*>(out);
  for (size_t done = 0; done < n;) {
    const ssize_t got = ::read(fd_, to + done, n - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FileError("read", path_, errno);
    if (got == 0) return Bad("is truncated");
    done += static_cast<size_t>(got);
  }
  at_ += n;
  return absl::OkStatus();
}

absl::StatusOr<BlockFileReader::Block> BlockFileReader::Next() {
  Block block;
  uint64_t length = 0;
  uint32_t stored = 0;
  PMOE_RETURN_IF_ERROR(ReadExactly(&block.type, sizeof(block.type)));
  PMOE_RETURN_IF_ERROR(ReadExactly(&length, sizeof(length)));
  if (length > remaining()) return Bad("is truncated");
  payload_.resize(length);
  PMOE_RETURN_IF_ERROR(ReadExactly(payload_.data(), length));
  PMOE_RETURN_IF_ERROR(ReadExactly(&stored, sizeof(stored)));
  const uint32_t crc = Crc32c(payload_, Crc32c(Bytes(length), Crc32c(Bytes(block.type))));
  if (crc != stored) return Bad("is damaged: a block's CRC32C differs");
  if (block.type == kEndBlock && remaining() != 0) return Bad("has bytes after its end");
  block.payload = payload_;
  return block;
}

absl::Status CheckBlocks(const std::string& path) {
  PMOE_ASSIGN_OR_RETURN(const auto reader, BlockFileReader::Open(path));
  for (;;) {
    PMOE_ASSIGN_OR_RETURN(const BlockFileReader::Block block, reader->Next());
    if (block.type == kEndBlock) return absl::OkStatus();
  }
}

}  // namespace pmoe
