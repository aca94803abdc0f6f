#include "actor/export/npz_edition.h"

#include <zip.h>

#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/policy/parameter_layout.h"

namespace pmoe {
namespace {

constexpr size_t kNpyAlign = 64;
constexpr zip_uint16_t kDosDate = 0x21;  // 1 January 1980: equal policies are equal bytes

// One array in NumPy's .npy format, version 1.0.
std::string Npy(const std::string& type, const std::vector<int>& shape, absl::string_view data) {
  std::string header =
      absl::StrCat("{'descr': '", type, "', 'fortran_order': False, 'shape': (",
                   absl::StrJoin(shape, ", "), shape.size() == 1 ? "," : "", "), }");
  constexpr size_t kPreamble = 10;
  header.append(kNpyAlign - 1 - (kPreamble + header.size()) % kNpyAlign, ' ');
  header += '\n';
  std::string out("\x93NUMPY\x01\x00", 8);
  out += static_cast<char>(header.size() & 0xff);
  out += static_cast<char>(header.size() >> 8);
  return absl::StrCat(out, header, data);
}

std::string FloatArray(const std::vector<int>& shape, const float* values) {
  size_t count = 1;
  for (const int n : shape) count *= static_cast<size_t>(n);
  return Npy("<f4", shape, {reinterpret_cast<const char*>(values), count * sizeof(float)});
}

// A zip archive in memory. The files' bytes must outlive it.
class Archive {
 public:
  absl::Status Open() {
    source_ = zip_source_buffer_create(nullptr, 0, 0, &error_);
    if (source_ == nullptr) return Failed();
    zip_source_keep(source_);  // closing gives one reference away, and the bytes are read after it
    archive_ = zip_open_from_source(source_, ZIP_TRUNCATE, &error_);
    if (archive_ != nullptr) return absl::OkStatus();
    zip_source_free(source_);
    return Failed();
  }
  Archive() { zip_error_init(&error_); }
  ~Archive() {
    if (archive_ != nullptr) zip_discard(archive_);
    if (source_ != nullptr) zip_source_free(source_);
    zip_error_fini(&error_);
  }
  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;

  absl::Status Add(const std::string& name, const std::string& bytes) {
    zip_source_t* const file = zip_source_buffer(archive_, bytes.data(), bytes.size(), 0);
    if (file == nullptr) return FailedArchive();
    const zip_int64_t index = zip_file_add(archive_, name.c_str(), file, ZIP_FL_ENC_UTF_8);
    if (index < 0) {
      zip_source_free(file);
      return FailedArchive();
    }
    const auto at = static_cast<zip_uint64_t>(index);
    const bool good = zip_set_file_compression(archive_, at, ZIP_CM_STORE, 0) == 0 &&
                      zip_file_set_dostime(archive_, at, 0, kDosDate, 0) == 0;
    return good ? absl::OkStatus() : FailedArchive();
  }

  absl::StatusOr<std::string> Finish() {
    if (zip_close(archive_) != 0) return FailedArchive();
    archive_ = nullptr;
    zip_stat_t stat;
    zip_stat_init(&stat);
    if (zip_source_stat(source_, &stat) != 0 || zip_source_open(source_) != 0) {
      return absl::InternalError("libzip does not give back what it wrote");
    }
    std::string bytes(stat.size, '\0');
    const zip_int64_t read = zip_source_read(source_, bytes.data(), bytes.size());
    zip_source_close(source_);
    if (read != static_cast<zip_int64_t>(bytes.size())) {
      return absl::InternalError("libzip does not give back what it wrote");
    }
    return bytes;
  }

 private:
  absl::Status Failed() { return absl::InternalError(zip_error_strerror(&error_)); }
  absl::Status FailedArchive() { return absl::InternalError(zip_strerror(archive_)); }

  zip_error_t error_{};
  zip_source_t* source_ = nullptr;
  zip_t* archive_ = nullptr;
};

using NamedArrays = std::deque<std::pair<std::string, std::string>>;

void AddWeights(const PolicySnapshot& snapshot, NamedArrays* arrays) {
  const ParameterLayout layout(snapshot.spec.layers, /*members=*/1, /*copies=*/1);
  for (const Parameter& p : layout.parameters()) {
    const bool bias = absl::EndsWith(p.name, ".bias");
    arrays->emplace_back(
        p.name, FloatArray(bias ? std::vector<int>{p.cols} : std::vector<int>{p.rows, p.cols},
                           snapshot.weights.data() + p.offset));
  }
  if (!snapshot.spec.normalizes_obs) return;
  arrays->emplace_back("obs_mean", FloatArray({snapshot.spec.obs_dim}, snapshot.obs_mean.data()));
  arrays->emplace_back("obs_std", FloatArray({snapshot.spec.obs_dim}, snapshot.obs_std.data()));
}

void AddGolden(const PolicySpec& spec, const GoldenTrajectory& golden, NamedArrays* arrays) {
  arrays->emplace_back("golden_observation",
                       FloatArray({golden.steps, spec.obs_dim}, golden.observations.data()));
  arrays->emplace_back("golden_action",
                       FloatArray({golden.steps, spec.action_dim}, golden.actions.data()));
  const std::vector<int64_t> primitives(golden.primitives.begin(), golden.primitives.end());
  arrays->emplace_back("golden_primitive", Npy("<i8", {golden.steps},
                                               {reinterpret_cast<const char*>(primitives.data()),
                                                primitives.size() * sizeof(int64_t)}));
}

}  // namespace

absl::StatusOr<std::string> NpzEdition(const ExportedPolicy& policy) {
  NamedArrays arrays;
  AddWeights(*policy.snapshot, &arrays);
  AddGolden(policy.snapshot->spec, policy.golden, &arrays);
  std::string spec;
  for (const auto& [key, value] : Describe(policy)) {
    absl::StrAppend(&spec, spec.empty() ? "{" : ", ", "\"", key, "\": ", value);
  }
  spec += "}";
  arrays.emplace_back("spec", Npy("|u1", {static_cast<int>(spec.size())}, spec));
  Archive archive;
  PMOE_RETURN_IF_ERROR(archive.Open());
  for (const auto& [name, bytes] : arrays) PMOE_RETURN_IF_ERROR(archive.Add(name + ".npy", bytes));
  return archive.Finish();
}

}  // namespace pmoe
