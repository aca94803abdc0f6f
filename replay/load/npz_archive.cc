#include "replay/load/npz_archive.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

constexpr size_t kPieceBytes = size_t{64} << 10;
constexpr size_t kHeaderBytesMax = size_t{64} << 10;
constexpr absl::string_view kMagic("\x93NUMPY", 6);
constexpr uint64_t kValuesMax = uint64_t{1} << 58;  // so that their bytes can be counted

// A conversion of what is too large for a float is nothing that C++ defines.
float ToFloat(double value) {
  constexpr double kMost = std::numeric_limits<float>::max();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (!std::isfinite(value) || std::abs(value) <= kMost) return static_cast<float>(value);
  return value > 0.0 ? kInfinity : -kInfinity;
}

float ValueAt(NpyType type, const char* at) {
  const auto load = [at](auto value) {
    std::memcpy(&value, at, sizeof(value));
    return ToFloat(static_cast<double>(value));
  };
  switch (type) {
    case NpyType::kFloat32:
      return load(float{});
    case NpyType::kFloat64:
      return load(double{});
    case NpyType::kInt64:
      return load(int64_t{});
    case NpyType::kBool:
    case NpyType::kUint8:
      break;
  }
  return load(uint8_t{});
}

// False: more than anybody has.
bool CountValues(const std::vector<uint64_t>& shape, uint64_t* values) {
  *values = 1;
  for (const uint64_t size : shape) {
    if (size != 0 && *values > kValuesMax / size) return false;
    *values *= size;
  }
  return true;
}

}  // namespace

absl::Status NpyReader::Bad(absl::string_view what) const {
  return absl::InvalidArgumentError(absl::StrCat("array ", name_, ": ", what));
}

absl::Status NpyReader::ReadFailed() const {
  return Bad(absl::StrCat("cannot be read: ", zip_file_strerror(file_.get()),
                          "; the file is damaged, copy it again"));
}

absl::Status NpyReader::Fill(size_t bytes) {
  if (buffer_.size() - at_ >= bytes) return absl::OkStatus();
  buffer_.erase(0, std::exchange(at_, 0));
  while (buffer_.size() < bytes) {
    const size_t had = buffer_.size();
    buffer_.resize(had + kPieceBytes);
    const zip_int64_t got = zip_fread(file_.get(), buffer_.data() + had, kPieceBytes);
    buffer_.resize(had + static_cast<size_t>(std::max<zip_int64_t>(got, 0)));
    if (got < 0) return ReadFailed();
    if (got == 0) return Bad("ends before its last value; the file is damaged, copy it again");
  }
  return absl::OkStatus();
}

absl::Status NpyReader::ReadHeader(uint64_t bytes) {
  constexpr size_t kVersionAt = kMagic.size();
  PMOE_RETURN_IF_ERROR(Fill(kVersionAt + 2));
  if (absl::string_view(buffer_).substr(0, kMagic.size()) != kMagic) {
    return Bad("is no .npy file; save it with numpy.savez or numpy.savez_compressed");
  }
  const int version = buffer_[kVersionAt];
  if (version < 1 || version > 3) return Bad(absl::StrCat("is of .npy version ", version));
  const size_t length_bytes = version == 1 ? 2 : 4;
  const size_t text_at = kVersionAt + 2 + length_bytes;
  PMOE_RETURN_IF_ERROR(Fill(text_at));
  uint32_t length = 0;
  std::memcpy(&length, buffer_.data() + kVersionAt + 2, length_bytes);
  if (length > kHeaderBytesMax) return Bad(absl::StrCat("its header has ", length, " bytes"));
  PMOE_RETURN_IF_ERROR(Fill(text_at + length));
  absl::StatusOr<NpyHeader> header =
      ParseNpyHeader(absl::string_view(buffer_).substr(text_at, length));
  if (!header.ok()) return Bad(header.status().message());
  header_ = *std::move(header);
  at_ = text_at + length;
  uint64_t values = 0;
  const bool sized = CountValues(header_.shape, &values);
  if (sized && bytes >= at_ && bytes - at_ == values * BytesOf(header_.type)) {
    return absl::OkStatus();
  }
  return Bad(absl::StrCat("its shape (", absl::StrJoin(header_.shape, ", "),
                          ") is not that of its ", bytes, " bytes; the file is damaged"));
}

absl::Status NpyReader::Read(size_t count, float* out) {
  const size_t width = BytesOf(header_.type);
  PMOE_RETURN_IF_ERROR(Fill(count * width));
  const char* const at = buffer_.data() + at_;
  for (size_t i = 0; i < count; ++i) out[i] = ValueAt(header_.type, at + i * width);
  at_ += count * width;
  return absl::OkStatus();
}

absl::Status NpyReader::Finish() {
  char more = 0;
  const zip_int64_t got = at_ < buffer_.size() ? 1 : zip_fread(file_.get(), &more, 1);
  if (got < 0) return ReadFailed();
  return got == 0 ? absl::OkStatus() : Bad("goes on behind its last value");
}

absl::StatusOr<std::unique_ptr<NpzArchive>> NpzArchive::Open(const std::string& path) {
  int error = 0;
  zip_t* const archive = zip_open(path.c_str(), ZIP_RDONLY, &error);
  if (archive != nullptr) return std::unique_ptr<NpzArchive>(new NpzArchive(archive));
  zip_error_t text;
  zip_error_init_with_code(&text, error);
  const std::string message =
      absl::StrCat("cannot be read as a NumPy archive: ", zip_error_strerror(&text),
                   "; save it with numpy.savez or numpy.savez_compressed");
  zip_error_fini(&text);
  return absl::InvalidArgumentError(message);
}

bool NpzArchive::Has(const std::string& name) const {
  return zip_name_locate(archive_.get(), (name + ".npy").c_str(), 0) >= 0;
}

absl::StatusOr<std::unique_ptr<NpyReader>> NpzArchive::Read(const std::string& name) const {
  const std::string member = name + ".npy";
  zip_stat_t stat;
  zip_stat_init(&stat);
  constexpr zip_uint64_t kAsked =
      ZIP_STAT_INDEX | ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
  if (zip_stat(archive_.get(), member.c_str(), 0, &stat) != 0 || (stat.valid & kAsked) != kAsked) {
    return absl::InvalidArgumentError(absl::StrCat("has no array ", name));
  }
  if (stat.encryption_method != ZIP_EM_NONE ||
      (stat.comp_method != ZIP_CM_STORE && stat.comp_method != ZIP_CM_DEFLATE)) {
    return absl::InvalidArgumentError(
        absl::StrCat("array ", name,
                     " is neither stored nor deflated; save it with numpy.savez or "
                     "numpy.savez_compressed"));
  }
  zip_file_t* const file = zip_fopen_index(archive_.get(), stat.index, 0);
  if (file == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("array ", name, " cannot be read: ", zip_strerror(archive_.get())));
  }
  std::unique_ptr<NpyReader> reader(new NpyReader(name, file));
  PMOE_RETURN_IF_ERROR(reader->ReadHeader(stat.size));
  return reader;
}

}  // namespace pmoe
