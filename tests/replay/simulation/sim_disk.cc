#include "tests/replay/simulation/sim_disk.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/check.h"

extern "C" {
int __real_open(const char* path, int flags, ...);
int __real_close(int fd);
ssize_t __real_write(int fd, const void* bytes, size_t n);
int __real_ftruncate(int fd, off_t size);
int __real_truncate(const char* path, off_t size);
int __real_rename(const char* from, const char* to);
int __real_unlink(const char* path);
}

namespace pmoe {
namespace {

namespace fs = std::filesystem;

thread_local SimDisk* current = nullptr;

std::string MakeRoot() {
  std::string path = fs::exists("/dev/shm") ? "/dev/shm/pmoe_XXXXXX" : "/tmp/pmoe_XXXXXX";
  PMOE_CHECK(::mkdtemp(path.data()) != nullptr);
  return path;
}

}  // namespace

SimDisk* SimDisk::Current() { return current; }

SimDisk::SimDisk(uint64_t seed)
    : rng_(seed, RngRole::kReplay, 201),
      root_(MakeRoot()),
      dir_(root_ + "/disk"),
      aside_(root_ + "/aside") {
  fs::create_directory(dir_);
  fs::create_directory(aside_);
  PMOE_CHECK(current == nullptr);
  current = this;
}

SimDisk::~SimDisk() {
  current = nullptr;
  std::error_code ignored;
  fs::remove_all(root_, ignored);
}

bool SimDisk::Holds(const char* path) const {
  return absl::StartsWith(path, dir_) && (path[dir_.size()] == '\0' || path[dir_.size()] == '/');
}

std::string SimDisk::NameOf(const char* path) const {
  const absl::string_view rest = absl::string_view(path).substr(dir_.size());
  return rest.empty() ? "" : std::string(rest.substr(1));
}

int SimDisk::Fail(int error) {
  ++errors_;
  errno = error;
  return -1;
}

bool SimDisk::MayCall(bool* half) {
  *half = false;
  if (dead_) return false;
  ++calls_;
  if (calls_left_ >= 0 && calls_left_-- == 0) {
    dead_ = true;
    *half = true;
  }
  return true;
}

void SimDisk::ChangeNames(Change change) {
  for (const NameChange& one : change) {
    if (one.file == nullptr) {
      names_.erase(one.name);
    } else {
      names_[one.name] = one.file;
    }
  }
  names_changed_.push_back(std::move(change));
}

int SimDisk::Open(const char* path, int flags, unsigned mode) {
  const std::string name = NameOf(path);
  if ((flags & O_DIRECTORY) != 0) {
    const int fd = __real_open(path, flags);
    if (fd >= 0) fds_[fd] = nullptr;
    return fd;
  }
  if ((flags & (O_WRONLY | O_RDWR)) == 0) return __real_open(path, flags);
  bool half = false;
  if (!MayCall(&half)) return Fail(EIO);
  const auto found = names_.find(name);
  if (found == names_.end()) {
    if (half && rng_.UniformInt(2) == 0) return Fail(EIO);
    if (!half && (faults.full || Chance(faults.name))) return Fail(faults.full ? ENOSPC : EIO);
  }
  const int fd = __real_open(path, flags, mode);
  if (fd < 0) return fd;
  if (found == names_.end()) {
    const File file = std::make_shared<Inode>();
    ChangeNames({{name, file}});
    fds_[fd] = file;
  } else {
    fds_[fd] = found->second;
    if ((flags & O_TRUNC) != 0) {
      found->second->now.clear();
      found->second->lost = false;
    }
  }
  return half ? (__real_close(fd), fds_.erase(fd), Fail(EIO)) : fd;
}

int SimDisk::Close(int fd) {
  fds_.erase(fd);
  return __real_close(fd);
}

int64_t SimDisk::Write(int fd, std::string bytes) {
  if (slow != nullptr && !std::exchange(in_slow_, true)) {
    slow();
    in_slow_ = false;
  }
  bool half = false;
  if (!MayCall(&half)) return Fail(EIO);
  const bool fails = !half && (faults.full || Chance(faults.write));
  if (half || fails) bytes.resize(rng_.UniformInt(bytes.size() + 1));
  if (!bytes.empty()) {
    PMOE_CHECK(__real_write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
    fds_.at(fd)->now += bytes;
  }
  if (half || (fails && bytes.empty())) return Fail(faults.full ? ENOSPC : EIO);
  return static_cast<int64_t>(bytes.size());
}

int SimDisk::Sync(int fd) {
  if (slow != nullptr && !std::exchange(in_slow_, true)) {
    slow();
    in_slow_ = false;
  }
  const File file = fds_.at(fd);
  bool half = false;
  if (!MayCall(&half)) return Fail(EIO);
  if (half && rng_.UniformInt(2) == 0) return Fail(EIO);
  if (!half && Chance(faults.sync)) {
    if (file != nullptr) file->lost = true;
    return Fail(EIO);
  }
  if (file == nullptr) {
    names_changed_.clear();
    names_on_disk_ = names_;
  } else if (!file->lost) {
    file->on_disk = file->now;
  }
  return half ? Fail(EIO) : 0;
}

int SimDisk::Cut(int fd, int64_t size) {
  bool half = false;
  if (!MayCall(&half)) return Fail(EIO);
  if ((half && rng_.UniformInt(2) == 0) || (!half && Chance(faults.name))) return Fail(EIO);
  fds_.at(fd)->now.resize(static_cast<size_t>(size));
  const int result = __real_ftruncate(fd, size);
  return half ? Fail(EIO) : result;
}

int SimDisk::CutPath(const char* path, int64_t size) {
  bool half = false;
  if (!MayCall(&half)) return Fail(EIO);
  if ((half && rng_.UniformInt(2) == 0) || (!half && Chance(faults.name))) return Fail(EIO);
  names_.at(NameOf(path))->now.resize(static_cast<size_t>(size));
  const int result = __real_truncate(path, size);
  return half ? Fail(EIO) : result;
}

int SimDisk::Rename(const char* from, const char* to) {
  bool half = false;
  if (!MayCall(&half)) return Fail(EIO);
  if ((half && rng_.UniformInt(2) == 0) || (!half && Chance(faults.name))) return Fail(EIO);
  const int result = __real_rename(from, to);
  if (result == 0) {
    const std::string old_name = NameOf(from);
    ChangeNames({{NameOf(to), names_.at(old_name)}, {old_name, nullptr}});
  }
  return half ? Fail(EIO) : result;
}

int SimDisk::Unlink(const char* path) {
  bool half = false;
  if (!MayCall(&half)) return Fail(EIO);
  if (!names_.contains(NameOf(path))) return Fail(ENOENT);
  if ((half && rng_.UniformInt(2) == 0) || (!half && Chance(faults.name))) return Fail(EIO);
  ChangeNames({{NameOf(path), nullptr}});
  const int result = __real_unlink(path);
  return half ? Fail(EIO) : result;
}

// What was synced is there; of what came after it a part, as written, as zeros or as it was before.
std::string SimDisk::AfterPowerLoss(const Inode& file) {
  if (file.now == file.on_disk) return file.now;
  const size_t common = std::min(file.now.size(), file.on_disk.size());
  const bool appended = file.now.compare(0, common, file.on_disk, 0, common) == 0;
  if (!appended || file.now.size() < file.on_disk.size()) {
    return rng_.UniformInt(2) == 0 ? file.on_disk : file.now;
  }
  const size_t grown = common + rng_.UniformInt(file.now.size() - common + 1);
  const size_t written = common + rng_.UniformInt(grown - common + 1);
  std::string left = file.now.substr(0, rng_.UniformInt(2) == 0 ? grown : written);
  left.resize(grown, '\0');
  return left;
}

void SimDisk::WriteReal(const std::string& name, const std::string& bytes) const {
  std::ofstream(absl::StrCat(dir_, "/", name), std::ios::binary | std::ios::trunc) << bytes;
}

void SimDisk::Restart(bool power_lost) {
  dead_ = false;
  calls_left_ = -1;
  fds_.clear();
  if (!power_lost) return;
  const bool in_order = rng_.UniformInt(2) == 0;
  const size_t kept = rng_.UniformInt(names_changed_.size() + 1);
  for (size_t i = 0; i < names_changed_.size(); ++i) {
    if (in_order ? i >= kept : rng_.UniformInt(2) == 0) continue;
    for (const NameChange& one : names_changed_[i]) {
      if (one.file == nullptr) {
        names_on_disk_.erase(one.name);
      } else {
        names_on_disk_[one.name] = one.file;
      }
    }
  }
  for (const auto& [name, file] : names_) __real_unlink(absl::StrCat(dir_, "/", name).c_str());
  names_ = names_on_disk_;
  names_changed_.clear();
  for (auto& [name, file] : names_) {
    *file = {.now = AfterPowerLoss(*file)};
    file->on_disk = file->now;
    WriteReal(name, file->now);
  }
}

std::string SimDisk::FlipBit(const std::string& ending) {
  std::vector<std::string> names;
  for (const auto& [name, file] : names_) {
    if (absl::EndsWith(name, ending) && !file->now.empty()) names.push_back(name);
  }
  if (names.empty()) return "";
  const std::string name = names[rng_.UniformInt(names.size())];
  Inode* const file = names_.at(name).get();
  const size_t bit = rng_.UniformInt(8 * file->now.size());
  for (std::string* bytes : {&file->now, &file->on_disk}) {
    if (bit / 8 < bytes->size()) (*bytes)[bit / 8] ^= static_cast<char>(1 << (bit % 8));
  }
  WriteReal(name, file->now);
  return name;
}

std::vector<std::string> SimDisk::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, file] : names_) names.push_back(name);
  return names;
}

}  // namespace pmoe
