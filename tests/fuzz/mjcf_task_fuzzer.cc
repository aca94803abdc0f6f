// A task file of any bytes over a small robot: refused with a message, or an environment that can
// be reset and stepped.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "actor/env/mjcf/mjcf_task.h"

namespace pmoe {
namespace {

// One of everything that a task can name.
constexpr char kModel[] = R"(<mujoco><worldbody><geom type='plane' size='9 9 1'/>
  <body name='goal' mocap='true'><geom size='0.1' contype='0' conaffinity='0'/></body>
  <body name='torso' pos='0 0 1'><freejoint name='root'/><geom name='ball' size='0.1'/>
    <site name='tip'/>
    <body name='leg'><joint name='hip' range='-90 90'/>
      <geom name='foot' type='capsule' size='0.1' fromto='0 0 0 0 0 -0.5'/></body></body>
  </worldbody>
  <tendon><fixed name='string'><joint joint='hip' coef='1'/></fixed></tendon>
  <actuator><motor name='hip' joint='hip' ctrlrange='-1 1'/>
    <general name='slow' joint='hip' dyntype='filter' ctrlrange='-1 1' forcerange='-9 9'/>
  </actuator>
  <sensor><jointpos name='angle' joint='hip'/></sensor>
  <keyframe><key name='home' qpos='0 0 0.7 1 0 0 0 0.1' ctrl='0.1 0'/></keyframe></mujoco>)";

std::string ModelFile() {
  const std::string path = "/tmp/pmoe_mjcf_task_fuzzer." + std::to_string(::getpid()) + ".xml";
  std::ofstream(path) << kModel;
  return path;
}

// A file in memory, as long as it lives.
class MemoryFile {
 public:
  MemoryFile(const uint8_t* data, size_t size) : fd_(::memfd_create("task", 0)) {
    if (fd_ < 0 || ::write(fd_, data, size) != static_cast<ssize_t>(size)) std::abort();
  }
  ~MemoryFile() { ::close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

}  // namespace
}  // namespace pmoe

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::string model = pmoe::ModelFile();
  static const auto kept = pmoe::LoadModel(model);  // compiled once
  if (!kept.ok()) std::abort();
  const pmoe::MemoryFile file(data, size);
  pmoe::EnvRequest request;
  request.id = pmoe::kMjcfPrefix + file.path();
  request.args = {{"xml_file", model}, {"frame_skip", "1"}};
  auto env = pmoe::MjcfTask::Create(request);
  if (!env.ok()) return env.status().message().empty() ? std::abort(), 1 : 0;
  const pmoe::EnvSpec& spec = (*env)->spec();
  std::vector<double> obs(spec.obs_dim), action(spec.action_dim, 0.5);
  (*env)->Reset(1, absl::MakeSpan(obs));
  for (int step = 0; step < 3; ++step) (*env)->Step(action, absl::MakeSpan(obs));
  return 0;
}
