// `pmoe dashboard DIR...`: the dashboard over runs that are finished, or that other processes
// train.
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cli/commands.h"
#include "cli/up/up_security.h"
#include "cli/watch/learner_target.h"
#include "common/base/file.h"
#include "common/base/interrupt.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"
#include "common/rpc/channel.h"
#include "common/rpc/security_flags.h"
#include "dashboard/dashboard.h"
#include "dashboard/dashboard_flags.h"
#include "proto/run.grpc.pb.h"

namespace pmoe {
namespace {

constexpr int kDepth = 3;  // runs/<sweep>/<run>
constexpr std::chrono::milliseconds kClusterTimeout(1000);
constexpr std::chrono::milliseconds kLook(50);

// Asks the learner of a run's cluster, which the run directory names. Thread-safe.
class ClusterStatus {
 public:
  explicit ClusterStatus(SecurityFlags flags) : flags_(std::move(flags)) {}

  // Nullopt: no learner answers.
  std::optional<RunStatus> Ask(const std::string& directory) {
    const std::shared_ptr<RunService::Stub> stub = Stub(directory);
    if (stub == nullptr) return std::nullopt;
    grpc::ClientContext context;
    SetDeadline(&context, kClusterTimeout);
    RunStatus status;
    if (!stub->GetStatus(&context, GetStatusRequest(), &status).ok()) return std::nullopt;
    return status;
  }

 private:
  struct Learner {
    std::string found_by;  // address and certificates
    std::shared_ptr<RunService::Stub> stub;
  };

  // A restarted learner may have another address, or other certificates at the same one.
  std::shared_ptr<RunService::Stub> Stub(const std::string& directory) {
    const absl::StatusOr<std::string> text = ReadFile(directory + "/learner.address");
    if (!text.ok()) return nullptr;
    const std::string found_by = absl::StrCat(*text, FlagsOfUp(directory).tls);
    MutexLock lock(&mu_);
    Learner& learner = learners_[directory];
    if (learner.stub != nullptr && learner.found_by == found_by) return learner.stub;
    learner = {found_by, nullptr};
    const absl::StatusOr<LearnerTarget> target = TargetOfRun(directory, flags_);
    if (target.ok()) {
      learner.stub =
          RunService::NewStub(MakeChannel(target->address, PeerRole::kLearner, target->security));
    }
    return learner.stub;
  }

  const SecurityFlags flags_;
  Mutex mu_;
  std::map<std::string, Learner> learners_ ABSL_GUARDED_BY(mu_);
};

class DashboardCommand final : public Command {
 public:
  CLI::App* AddTo(CLI::App* app) override {
    CLI::App* const dashboard =
        app->add_subcommand("dashboard", "Show runs in the browser, finished ones too");
    dashboard->add_option("DIR", folders_, "Run directories, or folders with some; default: runs");
    flags_.AddTo(dashboard);
    security_.AddTo(dashboard);
    dashboard->footer(
        "Examples:\n  pmoe dashboard\n  pmoe dashboard runs/a runs/b --dashboard 127.0.0.1:8080\n"
        "`pmoe train` and `pmoe up` serve the same page themselves while they run.");
    return dashboard;
  }

  // Serves until Ctrl-C.
  absl::StatusOr<int> Run() override {
    if (!flags_.wanted()) {
      return absl::InvalidArgumentError("--dashboard none leaves this command nothing to do");
    }
    DashboardOptions options;
    for (const std::string& folder : folders_) {
      if (!std::filesystem::is_directory(folder)) {
        return absl::NotFoundError(
            absl::StrCat("no folder ", folder, "; name run directories, or a folder with some"));
      }
      options.folders.push_back({folder, kDepth});
    }
    PrepareGrpc();
    ClusterStatus clusters(security_);
    options.address = flags_.address;
    options.token_file = flags_.token_file;
    options.live = [&clusters](const std::string& directory) { return clusters.Ask(directory); };
    const std::atomic<bool>& interrupted = InstallInterruptHandler("\n", /*grace_s=*/0);
    PMOE_ASSIGN_OR_RETURN(const std::unique_ptr<Dashboard> dashboard,
                          Dashboard::Start(std::move(options)));
    std::printf("dashboard: %s (Ctrl-C ends it)\n", dashboard->url().c_str());
    std::fflush(stdout);
    while (!interrupted) Clock::Real()->Sleep(kLook);
    return 0;
  }

 private:
  std::vector<std::string> folders_ = {"runs"};
  DashboardFlags flags_;
  SecurityFlags security_;  // of clusters that are asked
};

}  // namespace

std::unique_ptr<Command> MakeDashboardCommand() { return std::make_unique<DashboardCommand>(); }

}  // namespace pmoe
