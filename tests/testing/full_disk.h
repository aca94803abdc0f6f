// No file of this process grows beyond a few bytes while it lives: write() fails as on a full disk.
#pragma once

#include <signal.h>
#include <sys/resource.h>

#include "common/base/check.h"

namespace pmoe {

class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes = 4) : handler_(::signal(SIGXFSZ, SIG_IGN)) {
    PMOE_CHECK(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
    const rlimit tight = {bytes, before_.rlim_max};
    PMOE_CHECK(::setrlimit(RLIMIT_FSIZE, &tight) == 0);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }

 private:
  void (*const handler_)(int);
  rlimit before_{};
};

}  // namespace pmoe
