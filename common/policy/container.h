// The `.pmoe` container: a small header and named sections, each with its CRC32C. Snapshots and
// checkpoints are both this. Reading refuses every truncated or altered file with DataLossError
// before any section is used.
//
// Layout, little endian: magic "PMOE", u32 schema, u32 kind, u64 architecture hash, u64 policy
// version, u64 env steps, u32 sections, per section {u64 name length, name, u64 size, u32 CRC32C},
// u32 CRC32C of all before; then the sections' bytes one after the other, and nothing more.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace pmoe {

enum class ContainerKind : uint32_t { kSnapshot = 1, kCheckpoint = 2 };

struct ContainerHeader {
  ContainerKind kind = ContainerKind::kSnapshot;
  uint64_t architecture_hash = 0;
  uint64_t policy_version = 0;
  uint64_t env_steps = 0;
};

class ContainerWriter {
 public:
  void Add(std::string name, std::string bytes);
  std::string Finish(const ContainerHeader& header) const;

 private:
  std::vector<std::pair<std::string, std::string>> sections_;
};

class ContainerReader {
 public:
  // Owns the bytes; verifies everything.
  static absl::StatusOr<ContainerReader> Open(std::string bytes);

  const ContainerHeader& header() const { return header_; }
  // A view into the reader's bytes; NotFoundError names the missing section.
  absl::StatusOr<absl::string_view> Section(absl::string_view name) const;

 private:
  struct Entry {
    std::string name;
    size_t offset = 0;
    size_t size = 0;
  };
  ContainerHeader header_;
  std::string bytes_;
  std::vector<Entry> entries_;
};

}  // namespace pmoe
