#include "dashboard/run_dashboard.h"

#include <filesystem>
#include <utility>

#include "common/base/log.h"

namespace pmoe {

namespace fs = std::filesystem;

namespace {

absl::StatusOr<std::unique_ptr<Dashboard>> Start(const DashboardFlags& flags,
                                                 DashboardOptions options) {
  options.address = flags.address;
  options.token_file = flags.token_file;
  absl::StatusOr<std::unique_ptr<Dashboard>> dashboard = Dashboard::Start(std::move(options));
  if (!dashboard.ok() && flags.address.empty() && absl::IsFailedPrecondition(dashboard.status())) {
    Log(LogLevel::kInfo, "no dashboard: ", dashboard.status().message());
    return nullptr;
  }
  if (dashboard.ok()) Say("dashboard: ", (*dashboard)->url());
  return dashboard;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Dashboard>> StartRunDashboard(const DashboardFlags& flags,
                                                             const std::string& directory,
                                                             std::function<RunStatus()> status) {
  if (!flags.wanted()) return nullptr;
  std::error_code error;
  const fs::path own = fs::weakly_canonical(directory, error);
  DashboardOptions options;
  options.folders = {{own.parent_path().string(), /*depth=*/1}};
  options.own = own.string();
  options.live = [own = own.string(), status = std::move(status)](const std::string& run) {
    return run == own ? std::optional<RunStatus>(status()) : std::nullopt;
  };
  return Start(flags, std::move(options));
}

absl::StatusOr<std::unique_ptr<Dashboard>> StartSeedsDashboard(const DashboardFlags& flags,
                                                               const std::string& directory,
                                                               const std::string& first,
                                                               LiveStatus live) {
  if (!flags.wanted()) return nullptr;
  std::error_code error;
  const fs::path own = fs::weakly_canonical(directory, error);
  DashboardOptions options;
  options.folders = {{own.string(), /*depth=*/1}, {own.parent_path().string(), /*depth=*/1}};
  options.own = fs::weakly_canonical(first, error).string();
  options.live = std::move(live);
  return Start(flags, std::move(options));
}

}  // namespace pmoe
