// Where a shard writes down what changes it, so that one that died can be made again: every record
// applied in order (ReplayShard::Apply) to the state at its position gives the state after it, but
// for the random stream that draws minibatches, and priorities. Called with the shard's lock held:
// must not wait.
#pragma once

#include <cstdint>
#include <string>

namespace pmoe {

class Journal {
 public:
  virtual ~Journal() = default;
  // Takes it as the record at end().
  virtual void Append(std::string record) = 0;
  virtual uint64_t end() const = 0;
  // Waits until every record before `position` is on disk, unless that fails or lasts too long.
  virtual void AwaitOnDisk(uint64_t position) {}
};

}  // namespace pmoe
