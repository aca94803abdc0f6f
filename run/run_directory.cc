#include "run/run_directory.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/crc32c.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/metrics/append_file.h"

namespace pmoe {

namespace fs = std::filesystem;

namespace {

constexpr char kConfig[] = "/config.textproto";
constexpr char kEpochFile[] = "learner.epoch";
constexpr absl::string_view kEpochWords = "learner epoch ";  // in log.txt
// Where it was not learner.epoch that named the newest: lives that nobody has written down.
constexpr uint64_t kEpochsLeftOut = 100;
constexpr uint64_t kEpochMax = 65'536;  // FirstActorEpoch has no more

std::string CheckpointFolder(const std::string& path, uint64_t env_steps) {
  return absl::StrCat(path, "/checkpoints/", env_steps);
}

absl::Status HoldsARun(const std::string& path) {
  return absl::FailedPreconditionError(absl::StrCat(
      path, " holds a run already; go on with it by --resume ", path, ", or give another --out"));
}

bool IsRunId(absl::string_view text) {
  return text.size() == 16 && std::all_of(text.begin(), text.end(), absl::ascii_isxdigit);
}

// Earlier builds gave a checkpoint's folder its name last: a whole one may have none yet.
void NameCheckpoint(const std::string& path, uint64_t env_steps) {
  const std::string folder = CheckpointFolder(path, env_steps), unnamed = folder + ".partial";
  std::error_code error;
  if (!fs::exists(CheckpointFileIn(path, env_steps), error) &&
      fs::exists(unnamed + "/state.pmoe", error)) {
    fs::remove_all(folder, error);
    fs::rename(unnamed, folder, error);
  }
  fs::remove_all(unnamed, error);
}

// Whoever may write there may replace what the run reads.
void WarnOfWriters(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0 || (info.st_mode & S_IWOTH) == 0) return;
  Log(LogLevel::kWarning, path, " may be written by every user of this machine, who can replace ",
      "its files: chmod o-w ", path);
}

}  // namespace

std::vector<uint64_t> NumberedEntries(const std::string& folder, absl::string_view suffix) {
  std::vector<uint64_t> numbers;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    uint64_t number = 0;
    if (absl::EndsWith(name, suffix) &&
        absl::SimpleAtoi(absl::string_view(name).substr(0, name.size() - suffix.size()), &number) &&
        name == absl::StrCat(number, suffix))
      numbers.push_back(number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

std::string CheckpointFileIn(const std::string& path, uint64_t env_steps) {
  return CheckpointFolder(path, env_steps) + "/state.pmoe";
}

std::string CheckpointNoteFileIn(const std::string& path, uint64_t env_steps) {
  return CheckpointFolder(path, env_steps) + "/about.txt";
}

std::vector<uint64_t> CheckpointsIn(const std::string& path) {
  std::vector<uint64_t> steps = NumberedEntries(absl::StrCat(path, "/checkpoints"), "");
  std::error_code error;
  std::erase_if(steps, [&](uint64_t at) { return !fs::exists(CheckpointFileIn(path, at), error); });
  return steps;
}

CheckpointNote NoteIn(const std::string& path, uint64_t env_steps) {
  const absl::StatusOr<std::string> text = ReadFile(CheckpointNoteFileIn(path, env_steps));
  std::optional<CheckpointNote> note;
  if (text.ok()) note = ParseCheckpointNote(*text);
  return note.value_or(CheckpointNote{.table = absl::StrCat(env_steps)});
}

absl::StatusOr<FileLock> RunDirectory::Lock(const std::string& path) {
  absl::StatusOr<std::optional<FileLock>> lock = FileLock::TryFile(path + "/lock");
  if (!lock.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot lock the run directory ", path, " (", lock.status().message(),
                     "); may you write there? Or give another one with --out"));
  }
  if (lock->has_value()) return **std::move(lock);
  const int holder = FileLock::Holder(path + "/lock");
  return absl::FailedPreconditionError(
      absl::StrCat("another process is training in ", path,
                   holder == 0 ? "" : absl::StrCat(" (process ", holder, ")"),
                   "; stop it first, or give another directory"));
}

absl::StatusOr<RunDirectory> RunDirectory::Create(const std::string& path) {
  if (fs::exists(path + kConfig)) return HoldsARun(path);
  for (const char* folder : {"", "/checkpoints", "/replay", "/snapshots"}) {
    PMOE_RETURN_IF_ERROR(MakeDirs(absl::StrCat(path, folder)));
  }
  PMOE_ASSIGN_OR_RETURN(FileLock lock, Lock(path));
  if (fs::exists(path + kConfig)) return HoldsARun(path);  // since we looked
  WarnOfWriters(path);
  return RunDirectory(path, std::move(lock));
}

absl::StatusOr<RunDirectory> RunDirectory::Open(const std::string& path) {
  if (!fs::exists(path + kConfig)) {
    return absl::NotFoundError(
        absl::StrCat(path, " is not a run directory: it has no config.textproto"));
  }
  PMOE_ASSIGN_OR_RETURN(FileLock lock, Lock(path));
  WarnOfWriters(path);
  RunDirectory directory(path, std::move(lock));
  directory.Sweep();
  return directory;
}

// A killed process leaves files that were not named yet, and checkpoints without their state.
void RunDirectory::Sweep() const {
  std::vector<std::string> swept;
  for (const char* folder : {"", "/snapshots", "/env"}) {
    for (const std::string& name : SweepTemporaries(path_ + folder)) swept.push_back(name);
  }
  std::error_code error;
  for (const uint64_t steps : NumberedEntries(path_ + "/checkpoints", ".partial")) {
    NameCheckpoint(path_, steps);
  }
  for (const uint64_t steps : NumberedEntries(path_ + "/checkpoints", "")) {
    const std::string folder = CheckpointFolder(path_, steps);
    SweepTemporaries(folder);
    if (fs::exists(CheckpointFileIn(path_, steps), error)) continue;
    fs::remove_all(folder, error);
    swept.push_back(absl::StrCat("checkpoints/", steps));
  }
  if (swept.empty()) return;
  Log(LogLevel::kInfo, "removed from ", path_,
      " what a killed process left half written: ", absl::StrJoin(swept, ", "));
}

std::string RunDirectory::File(absl::string_view name) const {
  return absl::StrCat(path_, "/", name);
}

std::string RunDirectory::SnapshotFile(absl::string_view name) const {
  return absl::StrCat(path_, "/snapshots/", name, ".pmoe");
}

std::string RunDirectory::CheckpointFile(uint64_t env_steps) const {
  return CheckpointFileIn(path_, env_steps);
}

std::string RunDirectory::ReplayFolder() const { return absl::StrCat(path_, "/replay"); }

absl::Status RunDirectory::Note(const std::string& text) const {
  const std::string file = File("log.txt");
  absl::StatusOr<AppendFile> log = AppendFile::Open(file);
  if (absl::IsNotFound(log.status())) log = AppendFile::Create(file);
  PMOE_RETURN_IF_ERROR(log.status());
  const std::string time =
      absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::Now(), absl::LocalTimeZone());
  return log->Append(absl::StrCat(time, " ", text, "\n"));
}

absl::StatusOr<uint64_t> RunDirectory::NextLearnerEpoch() const {
  const std::string file = File(kEpochFile);
  const absl::StatusOr<std::string> text = ReadFile(file);
  if (!text.ok() && !absl::IsNotFound(text.status())) return text.status();
  uint64_t counted = 0;
  const bool readable = text.ok() && absl::SimpleAtoi(*text, &counted);
  if (!readable) counted = 0;
  uint64_t known = LoggedLearnerEpoch(path_);
  for (const uint64_t steps : Checkpoints()) known = std::max(known, NoteOf(steps).learner_epoch);
  if (text.ok() && !readable && known == 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(file, " must hold a number, and nothing else in ", path_,
                     " names the learner's epoch; write one into it that is higher than any that "
                     "this run has had, 1000 for instance"));
  }
  const bool lower = counted < known;
  const uint64_t epoch = lower ? known + kEpochsLeftOut : counted + 1;
  if (lower) {
    Log(LogLevel::kWarning, file,
        readable    ? absl::StrCat(" says ", counted)
        : text.ok() ? " holds no number"
                    : " is missing",
        ", but the run has had learner epoch ", known, "; it goes on with ", epoch);
  }
  if (epoch > kEpochMax) {
    return absl::FailedPreconditionError(
        absl::StrCat(file, " says ", counted, ", and a run has at most ", kEpochMax,
                     " learner epochs; if it is damaged, write the highest that log.txt names"));
  }
  PMOE_RETURN_IF_ERROR(WriteFileAtomic(file, absl::StrCat(epoch, "\n")));
  Note(absl::StrCat(kEpochWords, epoch)).IgnoreError();  // it may be full; the file counts
  return epoch;
}

uint64_t LoggedLearnerEpoch(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path + "/log.txt");
  if (!text.ok()) return 0;
  uint64_t highest = 0;
  for (absl::string_view line : absl::StrSplit(*text, '\n')) {
    const size_t at = line.find(kEpochWords);
    uint64_t epoch = 0;
    if (at != line.npos && absl::SimpleAtoi(line.substr(at + kEpochWords.size()), &epoch) &&
        epoch <= kEpochMax) {
      highest = std::max(highest, epoch);
    }
  }
  return highest;
}

absl::StatusOr<std::string> RunDirectory::RunId() const {
  const std::string file = File("run.id");
  if (absl::StatusOr<std::string> text = ReadFile(file); text.ok()) {
    std::string id(absl::StripAsciiWhitespace(*text));
    if (IsRunId(id)) return id;
    Log(LogLevel::kWarning, file, " is damaged; the run gets another name on the network");
  }
  const std::string made = absl::StrCat(path_, " ", absl::GetCurrentTimeNanos(), " ", ::getpid());
  const std::string id = absl::StrCat(absl::Hex(Crc32c(made), absl::kZeroPad8),
                                      absl::Hex(Crc32c(absl::StrCat(made, "+")), absl::kZeroPad8));
  PMOE_RETURN_IF_ERROR(WriteFileAtomic(file, absl::StrCat(id, "\n")));
  return id;
}

std::vector<uint64_t> RunDirectory::Checkpoints() const { return CheckpointsIn(path_); }

absl::StatusOr<uint64_t> RunDirectory::NewestCheckpoint() const {
  return NewestCheckpointIn(path_);
}

CheckpointNote RunDirectory::NoteOf(uint64_t env_steps) const { return NoteIn(path_, env_steps); }

absl::Status RunDirectory::SaveCheckpoint(uint64_t env_steps, absl::string_view state,
                                          const CheckpointNote& note, int keep) const {
  const std::string folder = CheckpointFolder(path_, env_steps);
  PMOE_RETURN_IF_ERROR(MakeDirs(folder));
  PMOE_RETURN_IF_ERROR(SyncParent(folder));
  PMOE_RETURN_IF_ERROR(
      WriteFileAtomic(CheckpointNoteFileIn(path_, env_steps), CheckpointNoteText(note)));
  PMOE_RETURN_IF_ERROR(WriteFileAtomic(CheckpointFile(env_steps), state));
  const std::vector<uint64_t> steps = Checkpoints();
  for (size_t i = 0; i + static_cast<size_t>(keep) < steps.size(); ++i) {
    std::error_code ignored;
    fs::remove(CheckpointFile(steps[i]), ignored);  // first: without it the rest is no checkpoint
    fs::remove_all(CheckpointFolder(path_, steps[i]), ignored);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> RunDirectory::SetAside(uint64_t env_steps) const {
  const std::string folder = CheckpointFolder(path_, env_steps);
  const std::string aside = folder + ".damaged";
  std::error_code error;
  fs::remove_all(aside, error);
  fs::rename(folder, aside, error);
  if (error) return FileError("rename", folder, error.value());
  PMOE_RETURN_IF_ERROR(SyncParent(aside));
  return aside;
}

std::vector<std::string> RunDirectory::Tables() const {
  std::vector<std::string> names;
  for (const uint64_t steps : NumberedEntries(ReplayFolder(), ".table")) {
    names.push_back(absl::StrCat(steps));
  }
  std::reverse(names.begin(), names.end());
  return names;
}

std::vector<std::string> RunDirectory::TablesOfCheckpoints() const {
  std::vector<std::string> names;
  for (const uint64_t steps : Checkpoints()) {
    std::string table = NoteOf(steps).table;
    if (!table.empty()) names.push_back(std::move(table));
  }
  return names;
}

absl::StatusOr<uint64_t> NewestCheckpointIn(const std::string& path) {
  const std::vector<uint64_t> steps = CheckpointsIn(path);
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
