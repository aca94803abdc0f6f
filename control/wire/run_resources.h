// CPU and GPU seconds that all processes of a run have used since this one began, from what they
// say of themselves. Thread-compatible.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/base/stopwatch.h"
#include "proto/run.pb.h"

namespace pmoe {

class RunResources {
 public:
  explicit RunResources(const Clock* clock = Clock::Real()) : since_start_(clock), look_(clock) {}

  // This process, as MeasureUsage has it.
  void LookAtOwn(const ProcessUsage& usage) { own_cpu_s_ = usage.cpu_s(); }
  // Another one. Of a process that is older than this one counts what it uses now, for as long as
  // this one lives. One that is gone keeps what it had used. What members say is bounded by what
  // their cores can have done.
  void LookAtMember(const MemberStatus& member);
  // The GPUs, as GpuMeter has them now: each was busy like this since the look before.
  void LookAtGpus(const std::vector<GpuUsage>& gpus);

  double cpu_s() const { return own_cpu_s_ + members_cpu_s_; }
  double gpu_s() const { return gpu_s_; }
  bool has_gpus() const { return has_gpus_; }

 private:
  struct Member {
    std::string process;  // host, pid and epoch
    double cpu_s = 0.0;   // the most that it has said
    double at_s = 0.0;    // of this process's life, when it said so
  };

  Stopwatch since_start_;
  Stopwatch look_;
  std::map<std::pair<int, uint32_t>, Member> members_;  // by role and index
  double own_cpu_s_ = 0.0;
  double members_cpu_s_ = 0.0;
  double gpu_s_ = 0.0;
  bool has_gpus_ = false;
};

}  // namespace pmoe
