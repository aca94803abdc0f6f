#include "control/wire/run_resources.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace pmoe {
namespace {

constexpr double kReport_s = 2.0;  // what is said may be about a time so long before

}  // namespace

void RunResources::LookAtMember(const MemberStatus& member) {
  const ProcessUsage& usage = member.usage();
  if (usage.cpu_s() <= 0.0) return;  // it has not said it yet
  Member& seen = members_[{member.role(), member.index()}];
  const std::string process =
      absl::StrCat(member.process().host(), " ", member.process().pid(), " ", member.epoch());
  const double now_s = since_start_.Elapsed();
  const double cores = std::max<uint32_t>(usage.cores(), 1);
  if (seen.process != process) {
    const bool is_older = usage.cpu_s() > now_s * cores;
    members_cpu_s_ += is_older ? now_s * std::min(usage.cpu_cores(), cores) : usage.cpu_s();
    seen = {process, usage.cpu_s(), now_s};
    return;
  }
  // Whatever it says: no more than its cores can have done since, and nothing is taken back.
  const double most_s = (now_s - seen.at_s + kReport_s) * cores;
  members_cpu_s_ += std::clamp(usage.cpu_s() - seen.cpu_s, 0.0, most_s);
  seen = {process, std::max(seen.cpu_s, usage.cpu_s()), now_s};
}

void RunResources::LookAtGpus(const std::vector<GpuUsage>& gpus) {
  const double seconds = look_.Lap();
  has_gpus_ = has_gpus_ || !gpus.empty();
  for (const GpuUsage& gpu : gpus) gpu_s_ += seconds * gpu.busy();
}

}  // namespace pmoe
