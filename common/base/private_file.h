// Files that nobody but their owner may read: keys, and what speaks for its holder.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace pmoe {

// Like WriteFileAtomic (common/base/file.h), with mode 0600 from the first byte on whatever the
// umask. By <path>.new: one writer at a time.
absl::Status WritePrivateFile(const std::string& path, absl::string_view bytes);

}  // namespace pmoe
