// A disk that fails as disks do, under code that knows nothing of it: the test's binary is linked
// with --wrap=open, write, fsync, … (CMakeLists.txt), and what the thread that owns a SimDisk does
// to files in its folder goes through here. Files are real (in memory, /dev/shm), so reading needs
// no seam; beside them stands what would be left after the loss of power: of each file what was
// synced, and the names as of the folder's last sync. Every other call goes to the system's.
// Thread-compatible; one at a time per thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/rng.h"

namespace pmoe {

class SimDisk {
 public:
  explicit SimDisk(uint64_t seed);
  ~SimDisk();
  SimDisk(const SimDisk&) = delete;
  SimDisk& operator=(const SimDisk&) = delete;

  // The folder that the process writes to, and one beside it that no fault reaches.
  const std::string& dir() const { return dir_; }
  const std::string& aside() const { return aside_; }

  // What may go wrong, each with a probability per call.
  struct Faults {
    bool full = false;   // writes end half done, files cannot be made
    double write = 0.0;  // an error after part of the bytes
    double sync = 0.0;   // an error, and the bytes are lost although they can be read until then
    double name = 0.0;   // create, rename, remove, cut
  };
  Faults faults;
  // Is called where a call takes long, so that others go on meanwhile.
  std::function<void()> slow;

  // The process is killed: nothing that its code still does reaches the disk.
  void Kill() { dead_ = true; }
  // In the middle of the call after `calls` more.
  void KillWithin(int calls) { calls_left_ = calls; }
  bool dead() const { return dead_; }
  // The next process finds what the last one wrote, or with the power lost, what was on disk: a
  // part of what was not synced, in any state.
  void Restart(bool power_lost);
  // Of a random file with that ending; empty: there is none.
  std::string FlipBit(const std::string& ending);
  std::vector<std::string> Names() const;

  int64_t calls() const { return calls_; }
  int64_t errors() const { return errors_; }

  // The calls, as the wrapped functions make them.
  static SimDisk* Current();
  bool Holds(const char* path) const;
  bool HoldsFd(int fd) const { return fds_.contains(fd); }
  int Open(const char* path, int flags, unsigned mode);
  int Close(int fd);
  int64_t Write(int fd, std::string bytes);
  int Sync(int fd);
  int Cut(int fd, int64_t size);
  int CutPath(const char* path, int64_t size);
  int Rename(const char* from, const char* to);
  int Unlink(const char* path);

 private:
  struct Inode {
    std::string now{};      // as it is read
    std::string on_disk{};  // as it was last synced
    bool lost = false;      // a sync failed: what was not on disk then never will be
  };
  using File = std::shared_ptr<Inode>;
  struct NameChange {
    std::string name;
    File file;  // null: the name goes
  };
  using Change = std::vector<NameChange>;  // at once: a rename changes two

  std::string NameOf(const char* path) const;
  int Fail(int error);
  // Before a call that changes something. `half`: it is the process's last, and half of it happens.
  bool MayCall(bool* half);
  bool Chance(double probability) { return probability > 0 && rng_.Uniform() < probability; }
  std::string AfterPowerLoss(const Inode& file);
  void ChangeNames(Change change);
  void WriteReal(const std::string& name, const std::string& bytes) const;

  Rng rng_;
  std::string root_, dir_, aside_;
  std::map<std::string, File> names_;          // as they are read
  std::map<std::string, File> names_on_disk_;  // as of the folder's last sync
  std::vector<Change> names_changed_;          // since then
  std::map<int, File> fds_;                    // null: the folder's
  bool dead_ = false;
  bool in_slow_ = false;
  int calls_left_ = -1;
  int64_t calls_ = 0;
  int64_t errors_ = 0;
};

}  // namespace pmoe
