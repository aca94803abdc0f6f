// A file of typed blocks, each {u32 type, u64 length, payload, u32 CRC32C over all of it}, after an
// 8-byte magic. Written front to back without holding it in memory; an end block tells a whole file
// from a truncated one. Thread-compatible.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace pmoe {

inline constexpr uint32_t kEndBlock = 0;  // other types are the caller's

// Writes path.tmp; only Finish gives it its name. Destroyed before that, it removes path.tmp.
class BlockFileWriter {
 public:
  static absl::StatusOr<std::unique_ptr<BlockFileWriter>> Create(const std::string& path);
  ~BlockFileWriter();
  BlockFileWriter(const BlockFileWriter&) = delete;
  BlockFileWriter& operator=(const BlockFileWriter&) = delete;

  // One block whose payload is the pieces one after the other. ResourceExhaustedError: the disk is
  // full.
  absl::Status Write(uint32_t type, std::initializer_list<absl::string_view> pieces);
  // The end block, fsync, rename, fsync of the folder.
  absl::Status Finish();

 private:
  BlockFileWriter(std::string path, int fd);
  absl::Status Append(absl::string_view bytes);
  absl::Status Flush();

  const std::string path_;
  const std::string tmp_;
  int fd_;
  std::string buffer_;
};

class BlockFileReader {
 public:
  static absl::StatusOr<std::unique_ptr<BlockFileReader>> Open(const std::string& path);
  ~BlockFileReader();
  BlockFileReader(const BlockFileReader&) = delete;
  BlockFileReader& operator=(const BlockFileReader&) = delete;

  struct Block {
    uint32_t type = kEndBlock;
    absl::string_view payload;  // valid until the next call
  };
  // The next block; the end block only where the file ends. DataLossError names the path and the
  // byte otherwise.
  absl::StatusOr<Block> Next();
  // Bytes after the last block read: a bound for counts that a block claims.
  uint64_t remaining() const { return size_ - at_; }
  // DataLossError with the path, for a block whose CRC is right and whose content is not.
  absl::Status Bad(absl::string_view what) const;

 private:
  BlockFileReader(std::string path, int fd, uint64_t size);
  absl::Status ReadExactly(void* out, size_t n);

  const std::string path_;
  const int fd_;
  const uint64_t size_;
  uint64_t at_ = 0;
  std::string payload_;
};

// Reads a file to its end: DataLossError, as Next's, if not every block is as it was written.
absl::Status CheckBlocks(const std::string& path);

}  // namespace pmoe
