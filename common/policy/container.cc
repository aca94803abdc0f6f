#include "common/policy/container.h"

#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "common/base/crc32c.h"

namespace pmoe {
namespace {

constexpr char kMagic[4] = {'P', 'M', 'O', 'E'};
constexpr uint32_t kSchema = 2;
constexpr uint32_t kSectionsMax = 4096;

absl::Status Damaged(absl::string_view what) {
  return absl::DataLossError(absl::StrCat(".pmoe container: ", what));
}

}  // namespace

void ContainerWriter::Add(std::string name, std::string bytes) {
  sections_.emplace_back(std::move(name), std::move(bytes));
}

std::string ContainerWriter::Finish(const ContainerHeader& header) const {
  ByteWriter out;
  out.Raw(kMagic, sizeof(kMagic));
  out.Pod(kSchema);
  out.Pod(static_cast<uint32_t>(header.kind));
  out.Pod(header.architecture_hash);
  out.Pod(header.policy_version);
  out.Pod(header.env_steps);
  out.Pod(static_cast<uint32_t>(sections_.size()));
  for (const auto& [name, bytes] : sections_) {
    out.String(name);
    out.Pod(static_cast<uint64_t>(bytes.size()));
    out.Pod(Crc32c(bytes));
  }
  out.Pod(Crc32c(out.bytes()));
  for (const auto& [name, bytes] : sections_) out.Raw(bytes.data(), bytes.size());
  return out.Take();
}

absl::StatusOr<ContainerReader> ContainerReader::Open(std::string bytes) {
  ContainerReader reader;
  reader.bytes_ = std::move(bytes);
  ByteReader in(reader.bytes_);
  char magic[4] = {};
  uint32_t schema = 0, kind = 0, sections = 0, crc = 0;
  in.Raw(magic, sizeof(magic));
  in.Pod(&schema);
  in.Pod(&kind);
  in.Pod(&reader.header_.architecture_hash);
  in.Pod(&reader.header_.policy_version);
  in.Pod(&reader.header_.env_steps);
  in.Pod(&sections);
  if (!in.ok() || std::memcmp(magic, kMagic, sizeof(magic)) != 0)
    return Damaged("not a .pmoe file");
  if (schema != kSchema)
    return Damaged(absl::StrCat("schema ", schema, ", this build reads ", kSchema));
  if (sections > kSectionsMax) return Damaged("damaged section table");
  reader.header_.kind = static_cast<ContainerKind>(kind);
  reader.entries_.resize(sections);
  std::vector<uint32_t> crcs(sections);
  for (uint32_t i = 0; i < sections; ++i) {
    uint64_t size = 0;
    in.String(&reader.entries_[i].name);
    in.Pod(&size);
    in.Pod(&crcs[i]);
    reader.entries_[i].size = size;
  }
  const size_t covered = reader.bytes_.size() - in.remaining();
  in.Pod(&crc);
  if (!in.ok()) return Damaged("truncated header");
  if (crc != Crc32c(absl::string_view(reader.bytes_).substr(0, covered)))
    return Damaged("damaged header");

  size_t offset = covered + sizeof(crc);
  for (uint32_t i = 0; i < sections; ++i) {
    Entry& entry = reader.entries_[i];
    if (entry.size > reader.bytes_.size() - offset)
      return Damaged(absl::StrCat("truncated in '", entry.name, "'"));
    entry.offset = offset;
    offset += entry.size;
    if (Crc32c(absl::string_view(reader.bytes_).substr(entry.offset, entry.size)) != crcs[i]) {
      return Damaged(absl::StrCat("damaged section '", entry.name, "'"));
    }
  }
  if (offset != reader.bytes_.size()) return Damaged("bytes after the last section");
  return reader;
}

absl::StatusOr<absl::string_view> ContainerReader::Section(absl::string_view name) const {
  for (const Entry& entry : entries_) {
    if (entry.name == name) return absl::string_view(bytes_).substr(entry.offset, entry.size);
  }
  return absl::NotFoundError(absl::StrCat(".pmoe container: no section '", name, "'"));
}

}  // namespace pmoe
