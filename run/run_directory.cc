#include "run/run_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/crc32c.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"

namespace pmoe {

namespace fs = std::filesystem;

namespace {

// Numbers of the entries that are called <number><suffix>, ascending.
std::vector<uint64_t> NumberedEntries(const std::string& folder, absl::string_view suffix) {
  std::vector<uint64_t> numbers;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    uint64_t number = 0;
    if (absl::EndsWith(name, suffix) &&
        absl::SimpleAtoi(absl::string_view(name).substr(0, name.size() - suffix.size()), &number))
      numbers.push_back(number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

std::vector<uint64_t> Checkpoints(const std::string& path) {
  return NumberedEntries(absl::StrCat(path, "/checkpoints"), "");
}

}  // namespace

absl::StatusOr<int> RunDirectory::Lock(const std::string& path) {
  const std::string file = absl::StrCat(path, "/lock");
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot write in the run directory ", path, "; give another one with --out"));
  }
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    ::close(fd);
    return absl::FailedPreconditionError(absl::StrCat(
        "another process is training in ", path, "; stop it first, or give another directory"));
  }
  return fd;
}

absl::StatusOr<RunDirectory> RunDirectory::Create(const std::string& path) {
  if (fs::exists(absl::StrCat(path, "/config.textproto"))) {
    return absl::FailedPreconditionError(absl::StrCat(
        path, " holds a run already; go on with it by --resume ", path, ", or give another --out"));
  }
  for (const char* folder : {"", "/checkpoints", "/replay", "/snapshots"}) {
    PMOE_RETURN_IF_ERROR(MakeDirs(absl::StrCat(path, folder)));
  }
  PMOE_ASSIGN_OR_RETURN(const int lock, Lock(path));
  return RunDirectory(path, lock);
}

absl::StatusOr<RunDirectory> RunDirectory::Open(const std::string& path) {
  if (!fs::exists(absl::StrCat(path, "/config.textproto"))) {
    return absl::NotFoundError(
        absl::StrCat(path, " is not a run directory: it has no config.textproto"));
  }
  PMOE_ASSIGN_OR_RETURN(const int lock, Lock(path));
  return RunDirectory(path, lock);
}

RunDirectory::RunDirectory(RunDirectory&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

RunDirectory::~RunDirectory() {
  if (lock_ >= 0) ::close(lock_);
}

std::string RunDirectory::File(absl::string_view name) const {
  return absl::StrCat(path_, "/", name);
}

std::string RunDirectory::SnapshotFile(absl::string_view name) const {
  return absl::StrCat(path_, "/snapshots/", name, ".pmoe");
}

std::string RunDirectory::CheckpointFile(uint64_t env_steps) const {
  return absl::StrCat(path_, "/checkpoints/", env_steps, "/state.pmoe");
}

std::string RunDirectory::ReplayFolder() const { return absl::StrCat(path_, "/replay"); }

absl::StatusOr<uint64_t> RunDirectory::NextLearnerEpoch() const {
  const std::string file = File("learner.epoch");
  uint64_t epoch = 0;
  if (const absl::StatusOr<std::string> text = ReadFile(file); text.ok()) {
    if (!absl::SimpleAtoi(*text, &epoch)) {
      return absl::DataLossError(absl::StrCat(file,
                                              " must hold a number; write the highest "
                                              "learner epoch that log.txt names into it"));
    }
  }
  ++epoch;
  PMOE_RETURN_IF_ERROR(WriteFileAtomic(file, absl::StrCat(epoch, "\n")));
  return epoch;
}

absl::StatusOr<std::string> RunDirectory::RunId() const {
  const std::string file = File("run.id");
  if (absl::StatusOr<std::string> text = ReadFile(file); text.ok()) {
    return std::string(absl::StripAsciiWhitespace(*text));
  }
  const std::string made = absl::StrCat(path_, " ", absl::GetCurrentTimeNanos(), " ", ::getpid());
  const std::string id = absl::StrCat(absl::Hex(Crc32c(made), absl::kZeroPad8),
                                      absl::Hex(Crc32c(absl::StrCat(made, "+")), absl::kZeroPad8));
  PMOE_RETURN_IF_ERROR(WriteFileAtomic(file, absl::StrCat(id, "\n")));
  return id;
}

absl::StatusOr<std::string> RunDirectory::NewestReplay() const {
  const std::vector<uint64_t> tables = NumberedEntries(ReplayFolder(), ".table");
  if (tables.empty()) return absl::NotFoundError(absl::StrCat(ReplayFolder(), " holds no table"));
  return absl::StrCat(tables.back());
}

absl::StatusOr<uint64_t> RunDirectory::NewestCheckpoint() const {
  return NewestCheckpointIn(path_);
}

absl::StatusOr<std::string> RunDirectory::PrepareCheckpoint(uint64_t env_steps) const {
  const std::string folder = absl::StrCat(path_, "/checkpoints/", env_steps, ".partial");
  std::error_code ignored;
  fs::remove_all(folder, ignored);
  PMOE_RETURN_IF_ERROR(MakeDirs(folder));
  return absl::StrCat(folder, "/state.pmoe");
}

absl::Status RunDirectory::CommitCheckpoint(uint64_t env_steps, int keep) const {
  const std::string folder = absl::StrCat(path_, "/checkpoints/", env_steps);
  std::error_code error;
  fs::remove_all(folder, error);
  fs::rename(folder + ".partial", folder, error);
  if (error)
    return absl::UnavailableError(
        absl::StrCat("cannot name the checkpoint ", folder, ": ", error.message()));
  const std::vector<uint64_t> steps = Checkpoints(path_);
  for (size_t i = 0; i + static_cast<size_t>(keep) < steps.size(); ++i) {
    fs::remove_all(absl::StrCat(path_, "/checkpoints/", steps[i]), error);
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> NewestCheckpointIn(const std::string& path) {
  const std::vector<uint64_t> steps = Checkpoints(path);
  if (!steps.empty()) return steps.back();
  return absl::NotFoundError(
      absl::StrCat(path, " has no checkpoint yet; start the run anew with another --out"));
}

absl::StatusOr<std::string> MakeDefaultRunFolder(absl::string_view env, absl::string_view algorithm,
                                                 absl::string_view seeds) {
  const std::string time = absl::FormatTime("%Y%m%d-%H%M%S", absl::Now(), absl::LocalTimeZone());
  // "mjcf:robots/ant.textproto" -> "ant"
  if (absl::StrContains(env, ':')) {
    env = env.substr(std::min(env.find_last_of("/:"), env.size() - 1) + 1);
    env = env.substr(0, env.rfind('.'));
  }
  PMOE_RETURN_IF_ERROR(MakeDirs("runs"));
  const std::string path = absl::StrCat("runs/", env, "-", algorithm, "-", seeds, "-", time);
  std::string free_path = path;
  for (int next = 2; ::mkdir(free_path.c_str(), 0777) != 0; ++next) {
    if (errno != EEXIST) return FileError("create the folder", free_path, errno);
    free_path = absl::StrCat(path, "-", next);
  }
  return free_path;
}

}  // namespace pmoe
