#include "common/base/build_info.h"

#include <filesystem>
#include <system_error>

namespace pmoe {

std::string BuildVersion() { return PMOE_VERSION; }

std::string BuildCommit() { return PMOE_COMMIT; }

std::string BuildId() {
  return BuildCommit().empty() ? BuildVersion() : BuildVersion() + " (" + BuildCommit() + ")";
}

std::string BinaryPath(const std::string& name) {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? name : (self.parent_path() / name).string();
}

}  // namespace pmoe
