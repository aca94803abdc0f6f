#include "control/wire/run_resources.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace pmoe {

void RunResources::LookAtMember(const MemberStatus& member) {
  const ProcessUsage& usage = member.usage();
  if (usage.cpu_s() <= 0.0) return;  // it has not said it yet
  Member& seen = members_[{member.role(), member.index()}];
  const std::string process = absl::StrCat(member.process().host(), " ", member.process().pid());
  const bool is_new = seen.process != process || usage.cpu_s() < seen.cpu_s;
  const double most_s = since_start_.Elapsed() * std::max<uint32_t>(usage.cores(), 1);
  members_cpu_s_ += is_new ? std::min(usage.cpu_s(), most_s) : usage.cpu_s() - seen.cpu_s;
  seen = {process, usage.cpu_s()};
}

void RunResources::LookAtGpus(const std::vector<GpuUsage>& gpus) {
  const double seconds = look_.Lap();
  has_gpus_ = has_gpus_ || !gpus.empty();
  for (const GpuUsage& gpu : gpus) gpu_s_ += seconds * gpu.busy();
}

}  // namespace pmoe
