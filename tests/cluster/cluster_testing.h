// A cluster started by `pmoe up`, with real processes, as the tests of this folder use it.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "gmock/gmock.h"
#include "nlohmann/json.hpp"
#include "tests/testing/eventually.h"
#include "tests/testing/paths.h"
#include "tests/testing/run_process.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {

inline bool IsAlive(pid_t pid) {
  // A zombie whose parent has not looked yet is not alive.
  const absl::StatusOr<std::string> stat = ReadFile(absl::StrCat("/proc/", pid, "/stat"));
  return stat.ok() && !stat->empty() && (*stat)[stat->rfind(')') + 2] != 'Z';
}

// Small networks and an early start; with `more` after them.
inline std::vector<std::string> SmallFlags(const std::string& env,
                                           const std::vector<std::string>& more = {}) {
  std::vector<std::string> flags = {"--env", env, "--seed", "3"};
  for (const char* set :
       {"schedule.start_steps=100", "schedule.update_after=100", "policy.hidden=32,32",
        "learner.critic_hidden=32,32", "learner.batch_size=32", "observe.eval_every_steps=500",
        "observe.eval_episodes=2", "observe.video=false", "observe.log_every_steps=100"}) {
    flags.insert(flags.end(), {"--set", set});
  }
  flags.insert(flags.end(), more.begin(), more.end());
  return flags;
}

// `pmoe up` running beside the test.
class Cluster {
 public:
  Cluster(std::string directory, std::vector<std::string> flags)
      : directory_(std::move(directory)) {
    flags.insert(flags.begin(), {Binary("pmoe"), "up"});
    up_ = std::make_unique<ChildProcess>(flags);
  }

  struct Member {
    std::string role, name;
    pid_t pid = 0;
    int restarts = 0;
  };
  std::vector<Member> Members() const {
    std::vector<Member> members;
    const absl::StatusOr<std::string> text = ReadFile(directory_ + "/cluster.json");
    if (!text.ok()) return members;
    for (const auto& entry : nlohmann::json::parse(*text)) {
      members.push_back({entry["role"], entry["name"], entry["pid"], entry["restarts"]});
    }
    return members;
  }
  Member Find(const std::string& name) const {
    for (const Member& member : Members()) {
      if (member.name == name) return member;
    }
    return {};
  }
  std::vector<pid_t> Pids() const {
    std::vector<pid_t> pids;
    for (const Member& member : Members()) pids.push_back(member.pid);
    return pids;
  }

  // pmoe status --json; null while no learner answers.
  nlohmann::json Status() const {
    const ProcessResult result =
        RunProcess({Binary("pmoe"), "status", "--run", directory_, "--json"});
    return result.exit_code == 0 ? nlohmann::json::parse(result.output) : nlohmann::json();
  }
  int64_t StatusNumber(const std::string& name) const {
    const nlohmann::json status = Status();
    if (status.is_null()) return -1;
    return status[name].is_string() ? std::stoll(status[name].get<std::string>())
                                    : status[name].get<int64_t>();
  }
  int64_t EnvSteps() const { return StatusNumber("env_steps"); }
  int64_t Updates() const { return StatusNumber("updates"); }

  // Kills a member and waits until another process has its place.
  void KillAndAwaitRestart(const std::string& name) {
    const Member before = Find(name);
    ASSERT_GT(before.pid, 0) << name;
    ::kill(before.pid, SIGKILL);
    ASSERT_TRUE(Eventually([&] {
      const Member now = Find(name);
      return now.restarts > before.restarts && now.pid > 0;
    })) << name;
  }

  ChildProcess& up() { return *up_; }
  const std::string& directory() const { return directory_; }

 private:
  const std::string directory_;
  std::unique_ptr<ChildProcess> up_;
};

}  // namespace pmoe
