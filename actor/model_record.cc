#include "actor/model_record.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "actor/env/mujoco_model.h"
#include "common/base/mutex.h"
#include "control/wire/env_identity.h"
#include "mujoco/mjxmacro.h"
#include "mujoco/mujoco.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;

constexpr size_t kNumbersShown = 8;  // of longer arrays a digest
constexpr size_t kDigestShown = 16;  // its first digits

// A view of the disk for MuJoCo that remembers what was read. MuJoCo asks for a file below a
// mounted folder by its whole path.
class RecordingDisk {
 public:
  RecordingDisk() {
    mj_defaultVFS(&vfs_);
    mjp_defaultResourceProvider(&provider_);
    provider_.open = &Open;
    provider_.read = &Read;
    provider_.close = &Close;
    provider_.mount = [](mjResource*) { return 1; };
    provider_.unmount = [](mjResource*) { return 1; };
    provider_.data = this;
    std::error_code ignored;
    for (const fs::directory_entry& entry : fs::directory_iterator("/", ignored)) {
      if (entry.is_directory(ignored)) {
        mj_mountVFS(&vfs_, entry.path().c_str(), &provider_);
      }
    }
  }
  RecordingDisk(const RecordingDisk&) = delete;
  RecordingDisk& operator=(const RecordingDisk&) = delete;
  ~RecordingDisk() { mj_deleteVFS(&vfs_); }

  const mjVFS* vfs() const { return &vfs_; }
  // The first one stays first; the others come in any order, for MuJoCo reads meshes in threads.
  std::vector<RecordedFile> Take() {
    MutexLock lock(&mu_);
    if (files_.empty()) return {};
    std::sort(files_.begin() + 1, files_.end(),
              [](const RecordedFile& a, const RecordedFile& b) { return a.path < b.path; });
    return std::move(files_);
  }

 private:
  static int Open(mjResource* resource) {
    auto* const disk = static_cast<RecordingDisk*>(resource->provider->data);
    std::error_code ignored;
    std::ifstream file(resource->name, std::ios::binary);
    if (!fs::is_regular_file(resource->name, ignored) || !file) return 0;
    auto bytes = std::make_unique<std::string>(std::istreambuf_iterator<char>(file),
                                               std::istreambuf_iterator<char>());
    disk->Note(resource->name, *bytes);
    resource->data = bytes.release();
    return 1;
  }
  static int Read(mjResource* resource, const void** buffer) {
    const auto* const bytes = static_cast<const std::string*>(resource->data);
    *buffer = bytes->data();
    return static_cast<int>(bytes->size());
  }
  static void Close(mjResource* resource) {
    delete static_cast<std::string*>(resource->data);
    resource->data = nullptr;
  }

  void Note(const std::string& name, const std::string& bytes) {
    const std::string path = fs::path(name).lexically_normal().string();
    MutexLock lock(&mu_);
    const bool known = std::any_of(files_.begin(), files_.end(),
                                   [&path](const RecordedFile& file) { return file.path == path; });
    if (!known) files_.push_back({path, bytes});
  }

  mjVFS vfs_;
  mjpResourceProvider provider_;
  Mutex mu_;
  std::vector<RecordedFile> files_ ABSL_GUARDED_BY(mu_);
};

// Writes facts about numbers.
class FactWriter {
 public:
  template <typename T>
  void Numbers(absl::string_view name, const T* values, size_t n) {
    if (n == 0) return;
    if constexpr (std::is_same_v<T, char>) return Add(name, Digest(values, n));
    if constexpr (!std::is_same_v<T, char>) {
      if (n > kNumbersShown) return Add(name, Digest(values, n));
      Add(name, absl::StrJoin(values, values + n, ", ", [](std::string* out, T x) {
            // Every bit: 0.1 and the next number after it are not the same.
            if constexpr (std::is_floating_point_v<T>) {
              std::array<char, 40> text{};
              std::snprintf(text.data(), text.size(), "%.17g", static_cast<double>(x));
              double shorter = 0.0;
              std::array<char, 40> six{};
              std::snprintf(six.data(), six.size(), "%.6g", static_cast<double>(x));
              shorter = std::strtod(six.data(), nullptr);
              absl::StrAppend(out, static_cast<T>(shorter) == x ? six.data() : text.data());
            } else {
              absl::StrAppend(out, static_cast<int64_t>(x));
            }
          }));
    }
  }
  std::vector<EnvFact> Take() { return std::move(facts_); }

 private:
  template <typename T>
  static std::string Digest(const T* values, size_t n) {
    const absl::string_view bytes(reinterpret_cast<const char*>(values), n * sizeof(T));
    return absl::StrCat(n, " numbers with digest ", Sha256(bytes).substr(0, kDigestShown));
  }
  void Add(absl::string_view name, std::string value) {
    EnvFact fact;
    fact.set_name(absl::StrCat("model.", name));
    fact.set_value(std::move(value));
    facts_.push_back(std::move(fact));
  }

  std::vector<EnvFact> facts_;
};

// Names of files differ where nothing else does, and where they lie changes with them.
bool IsAboutPaths(absl::string_view name) {
  return name == "paths" || name == "npaths" || name == "nbuffer" ||
         (name.size() > 8 && name.substr(name.size() - 8) == "_pathadr");
}

std::vector<EnvFact> Facts(const mjModel& model) {
  FactWriter facts;
#define X(name) \
  if (!IsAboutPaths(#name)) facts.Numbers(#name, &model.name, 1);
  MJMODEL_SIZES
#undef X
#define X(type, name, n) facts.Numbers("opt." #name, &model.opt.name, 1);
#define XVEC(type, name, n) facts.Numbers("opt." #name, model.opt.name, n);
  MJOPTION_FIELDS
#undef X
#undef XVEC
  facts.Numbers("stat", reinterpret_cast<const mjtNum*>(&model.stat),
                sizeof(model.stat) / sizeof(mjtNum));
  facts.Numbers("vis", reinterpret_cast<const char*>(&model.vis), sizeof(model.vis));
  MJMODEL_POINTERS_PREAMBLE((&model))
#undef MJ_M
#define MJ_M(n) model.n
#define X(type, name, rows, columns)                                               \
  if (!IsAboutPaths(#name)) {                                                      \
    facts.Numbers(#name, model.name, static_cast<size_t>(model.rows) * (columns)); \
  }
#undef XNV
#define XNV X
  MJMODEL_POINTERS
#undef X
  return facts.Take();
}

}  // namespace

absl::StatusOr<ModelRecord> RecordModel(const std::string& path) {
  RecordingDisk disk;
  std::array<char, 1024> error{};
  const MjModelPtr model(
      mj_loadXML(fs::absolute(path).c_str(), disk.vfs(), error.data(), error.size()));
  if (model == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("MuJoCo ", mj_versionString(), " cannot load ",
                                                   path, " again: ", error.data()));
  }
  return ModelRecord{.facts = Facts(*model), .files = disk.Take()};
}

}  // namespace pmoe
