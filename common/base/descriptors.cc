#include "common/base/descriptors.h"

#include <sys/resource.h>

#include <algorithm>

namespace pmoe {
namespace {

constexpr rlim_t kRaiseTo = 65536;
constexpr int kForFiles = 64;
constexpr int kForHttp = 600;  // two HTTP ports of 256 connections, and some
// A run has at most 1,024 actors, and each connection costs memory.
constexpr int kRpcMost = 4096;

int Limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  return static_cast<int>(std::min(limit.rlim_cur, kRaiseTo));
}

}  // namespace

void RaiseDescriptorLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = std::min(limit.rlim_max, kRaiseTo);
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = wanted;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// Of a small limit each gets its part.
int HttpDescriptorsMax() { return Limit() - std::min(kForFiles, Limit() / 4); }

int RpcDescriptorsMax() {
  return std::min(kRpcMost, HttpDescriptorsMax() - std::min(kForHttp, Limit() / 4));
}

}  // namespace pmoe
