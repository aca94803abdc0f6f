// Whole files, written so that a crash or a full disk leaves the old file or the new one, never
// half of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace pmoe {

// Writes a new file beside it, <path>.<process id>-<number>.tmp, fsyncs, renames, fsyncs the
// folder. On error removes the new file and names the path and the cause; a full disk is
// absl::ResourceExhaustedError. What a killed process leaves, SweepTemporaries removes.
// kPrivate: nobody but the owner may read it, from the first byte on and whatever the umask.
enum class FileReaders { kAnybody, kPrivate };
absl::Status WriteFileAtomic(const std::string& path, absl::string_view bytes,
                             FileReaders readers = FileReaders::kAnybody);
// Of a regular file; NotFoundError where there is none.
absl::StatusOr<std::string> ReadFile(const std::string& path);
// A text that the user names: a file, or a pipe as of `<(command)`, at most 1 GiB of it. Without
// the byte order mark that some editors put in front.
absl::StatusOr<std::string> ReadText(const std::string& path);
// Like mkdir -p.
absl::Status MakeDirs(const std::string& path);

// Of the volume that holds `path`; zeros where it cannot be asked.
struct DiskSpace {
  uint64_t free_bytes = 0;  // for this process
  uint64_t total_bytes = 0;
};
DiskSpace DiskSpaceAt(const std::string& path);

// The pieces, for files that are written in parts.
// "cannot <verb> <path>: <cause>"; a full disk is ResourceExhaustedError with the fix.
absl::Status FileError(absl::string_view verb, const std::string& path, int error);
// A descriptor of a file that was not there: never one that somebody else has put there, and never
// where a link leads. AlreadyExistsError.
absl::StatusOr<int> CreateNewFile(const std::string& path,
                                  FileReaders readers = FileReaders::kAnybody);
// A rename is durable only once the folder that holds the name is.
absl::Status SyncParent(const std::string& path);
// Removes from `folder` itself what WriteFileAtomic of a process that is gone has left. Returns the
// names removed. Of other machines' processes nothing is known here: for a folder that only this
// one's write.
std::vector<std::string> SweepTemporaries(const std::string& folder);

}  // namespace pmoe
