// Arrays of a NumPy archive (.npz), stored or deflated, each read from front to back in pieces, so
// that memory does not grow with the file. Reads no pickles. Thread-compatible.
#pragma once

#include <zip.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "replay/load/npy_header.h"

namespace pmoe {

// One array. Must not outlive its archive.
class NpyReader {
 public:
  const std::string& name() const { return name_; }
  const std::vector<uint64_t>& shape() const { return header_.shape; }
  // The next `count` values as floats; what a float cannot hold becomes an infinity.
  // InvalidArgumentError: the file is damaged there.
  absl::Status Read(size_t count, float* out);
  // OK if nothing is left and the sum that the archive has of the array is right.
  absl::Status Finish();
  // InvalidArgumentError with the array's name.
  absl::Status Bad(absl::string_view what) const;

 private:
  friend class NpzArchive;
  struct Close {
    void operator()(zip_file_t* file) const { zip_fclose(file); }
  };
  NpyReader(std::string name, zip_file_t* file) : name_(std::move(name)), file_(file) {}

  absl::Status ReadHeader(uint64_t bytes);
  absl::Status Fill(size_t bytes);  // at_ .. of the buffer has at least so many
  absl::Status ReadFailed() const;

  const std::string name_;
  std::unique_ptr<zip_file_t, Close> file_;
  NpyHeader header_;
  std::string buffer_;
  size_t at_ = 0;  // of what was not given yet
};

class NpzArchive {
 public:
  // InvalidArgumentError or NotFoundError with the path.
  static absl::StatusOr<std::unique_ptr<NpzArchive>> Open(const std::string& path);

  bool Has(const std::string& name) const;
  // The array at its first value. InvalidArgumentError: it is not there, or no array that can be
  // loaded.
  absl::StatusOr<std::unique_ptr<NpyReader>> Read(const std::string& name) const;

 private:
  struct Close {
    void operator()(zip_t* archive) const { zip_discard(archive); }
  };
  explicit NpzArchive(zip_t* archive) : archive_(archive) {}

  std::unique_ptr<zip_t, Close> archive_;
};

}  // namespace pmoe
