// The functions that the linker puts in place of the system's (--wrap): a SimDisk's for what its
// thread does to the files of its folder, the system's for all else.
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstdarg>
#include <string>

#include "tests/replay/simulation/sim_disk.h"

namespace {

pmoe::SimDisk* Of(int fd) {
  pmoe::SimDisk* const disk = pmoe::SimDisk::Current();
  return disk != nullptr && disk->HoldsFd(fd) ? disk : nullptr;
}

pmoe::SimDisk* Of(const char* path) {
  pmoe::SimDisk* const disk = pmoe::SimDisk::Current();
  return disk != nullptr && disk->Holds(path) ? disk : nullptr;
}

}  // namespace

extern "C" {

int __real_open(const char* path, int flags, ...);
int __real_close(int fd);
ssize_t __real_write(int fd, const void* bytes, size_t n);
ssize_t __real_writev(int fd, const struct iovec* pieces, int count);
int __real_fsync(int fd);
int __real_fdatasync(int fd);
int __real_ftruncate(int fd, off_t size);
int __real_truncate(const char* path, off_t size);
int __real_rename(const char* from, const char* to);
int __real_unlink(const char* path);

int __wrap_open(const char* path, int flags, ...) {
  unsigned mode = 0;
  if ((flags & O_CREAT) != 0) {
    va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, unsigned);
    va_end(arguments);
  }
  pmoe::SimDisk* const disk = Of(path);
  return disk != nullptr ? disk->Open(path, flags, mode) : __real_open(path, flags, mode);
}

int __wrap_close(int fd) {
  pmoe::SimDisk* const disk = Of(fd);
  return disk != nullptr ? disk->Close(fd) : __real_close(fd);
}

ssize_t __wrap_write(int fd, const void* bytes, size_t n) {
  pmoe::SimDisk* const disk = Of(fd);
  if (disk == nullptr) return __real_write(fd, bytes, n);
  return disk->Write(fd, std::string(static_cast<const char*>(bytes), n));
}

ssize_t __wrap_writev(int fd, const struct iovec* pieces, int count) {
  pmoe::SimDisk* const disk = Of(fd);
  if (disk == nullptr) return __real_writev(fd, pieces, count);
  std::string bytes;
  for (int i = 0; i < count; ++i) {
    bytes.append(static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len);
  }
  return disk->Write(fd, std::move(bytes));
}

int __wrap_fsync(int fd) {
  pmoe::SimDisk* const disk = Of(fd);
  return disk != nullptr ? disk->Sync(fd) : __real_fsync(fd);
}

int __wrap_fdatasync(int fd) {
  pmoe::SimDisk* const disk = Of(fd);
  return disk != nullptr ? disk->Sync(fd) : __real_fdatasync(fd);
}

int __wrap_ftruncate(int fd, off_t size) {
  pmoe::SimDisk* const disk = Of(fd);
  return disk != nullptr ? disk->Cut(fd, size) : __real_ftruncate(fd, size);
}

int __wrap_truncate(const char* path, off_t size) {
  pmoe::SimDisk* const disk = Of(path);
  return disk != nullptr ? disk->CutPath(path, size) : __real_truncate(path, size);
}

int __wrap_rename(const char* from, const char* to) {
  pmoe::SimDisk* const disk = Of(from);
  return disk != nullptr ? disk->Rename(from, to) : __real_rename(from, to);
}

int __wrap_unlink(const char* path) {
  pmoe::SimDisk* const disk = Of(path);
  return disk != nullptr ? disk->Unlink(path) : __real_unlink(path);
}

}  // extern "C"
