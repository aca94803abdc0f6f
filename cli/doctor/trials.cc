#include "cli/doctor/trials.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/doctor/probe.h"
#include "common/base/build_info.h"
#include "common/base/stopwatch.h"
#include "dashboard/dashboard.h"

namespace pmoe {
namespace {

constexpr char kSteps[] = "1000";
constexpr double kTraining_s = 120.0;  // of a core that others use too
constexpr double kPlaying_s = 60.0;
constexpr timeval kPatience = {5, 0};
constexpr char kOk[] = "HTTP/1.1 200";

// Of `pmoe train` and `pmoe up`: updates from the 500th step on, an evaluation, a checkpoint.
std::vector<std::string> SmallRun(const std::string& out) {
  return {"--env",       "InvertedPendulum-v5",
          "--algo",      "sac",
          "--steps",     kSteps,
          "--actors",    "1",
          "--set",       "schedule.start_steps=500",
          "--set",       "observe.video=false",
          "--dashboard", "none",
          "--out",       out};
}

Trial TrialOf(const Probe& probe, const std::string& done) {
  return {probe.ok, probe.ok ? done : probe.failure, probe.seconds};
}

// The head of the answer to GET /, as far as it comes.
std::string FetchPage(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return "";
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience));
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(static_cast<uint16_t>(port));
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  constexpr char kRequest[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
  std::string head(sizeof(kOk) - 1, '\0');
  const bool answered =
      ::connect(fd, reinterpret_cast<sockaddr*>(&name), sizeof(name)) == 0 &&
      ::send(fd, kRequest, sizeof(kRequest) - 1, MSG_NOSIGNAL) > 0 &&
      ::recv(fd, head.data(), head.size(), MSG_WAITALL) == static_cast<ssize_t>(head.size());
  ::close(fd);
  return answered ? head : "";
}

}  // namespace

Trial TryTraining(const std::string& scratch, const std::string& device,
                  const std::atomic<bool>& interrupted) {
  std::vector<std::string> words = SmallRun(absl::StrCat(scratch, "/train-", device));
  words.insert(words.begin(), {BinaryPath("pmoe-train"), "--device", device});
  const Probe probe = RunProbe(words, kTraining_s, interrupted);
  return TrialOf(probe, absl::StrCat("trained ", kSteps, " env steps"));
}

Trial TryCluster(const std::string& scratch, const std::atomic<bool>& interrupted) {
  std::vector<std::string> words = SmallRun(scratch + "/up");
  words.insert(words.begin(), {BinaryPath("pmoe"), "up"});
  const Probe probe = RunProbe(words, kTraining_s, interrupted);
  return TrialOf(probe, absl::StrCat("trained ", kSteps, " env steps over gRPC"));
}

Trial TryPlaying(const std::string& scratch, const std::atomic<bool>& interrupted) {
  const std::string run = scratch + "/train-cpu";
  std::error_code ignored;
  if (!std::filesystem::is_directory(run, ignored)) {
    Trial training = TryTraining(scratch, "cpu", interrupted);
    if (!training.ok) return training;
  }
  const Probe probe =
      RunProbe({BinaryPath("pmoe-actor"), "play", "--run", run, "--video", scratch + "/play.mp4",
                "--frames", "25", "--width", "160", "--height", "120"},
               kPlaying_s, interrupted);
  return TrialOf(probe, "drew 25 frames");
}

Trial TryDashboard(const std::string& scratch, const std::atomic<bool>& interrupted) {
  const Stopwatch watch;
  DashboardOptions options;
  options.address = "127.0.0.1:0";
  options.folders.push_back({scratch, /*depth=*/1});
  const absl::StatusOr<std::unique_ptr<Dashboard>> dashboard = Dashboard::Start(std::move(options));
  if (!dashboard.ok()) return {false, std::string(dashboard.status().message()), watch.Elapsed()};
  int port = 0;
  const std::string& address = (*dashboard)->address();
  const bool numbered = absl::SimpleAtoi(address.substr(address.rfind(':') + 1), &port);
  if (interrupted) return {false, "interrupted", watch.Elapsed()};
  const std::string head = numbered ? FetchPage(port) : "";
  if (head == kOk) return {true, "served its page", watch.Elapsed()};
  return {false, absl::StrCat("http://", address, "/ answered \"", head, "\""), watch.Elapsed()};
}

}  // namespace pmoe
