#include "common/base/build_info.h"

namespace pmoe {

std::string BuildVersion() { return PMOE_VERSION; }

std::string BuildCommit() { return PMOE_COMMIT; }

std::string BuildId() {
  return BuildCommit().empty() ? BuildVersion() : BuildVersion() + " (" + BuildCommit() + ")";
}

}  // namespace pmoe
