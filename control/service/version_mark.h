// How high the versions of a run's weights may have gone, on disk: a learner that comes back knows
// which versions its members may truly hold, and believes no higher one. Written ahead in blocks,
// so that hardly any publishing waits for the disk. Used by the learner's thread.
#pragma once

#include <cstdint>
#include <string>

namespace pmoe {

class VersionMark {
 public:
  static constexpr uint64_t kBlock = 10'000;

  // Reads the mark in `path`, which need not exist. One that cannot be read is said on stderr and
  // counts as 0: members with newer weights are started anew.
  explicit VersionMark(std::string path);

  // No version above it was published before this process began.
  uint64_t before() const { return before_; }
  // Before `version` is published. A disk that cannot be written is said on stderr, once; the run
  // goes on.
  void Cover(uint64_t version);

 private:
  const std::string path_;
  uint64_t before_ = 0;
  uint64_t covered_ = 0;
  bool said_ = false;
};

}  // namespace pmoe
