#include "dashboard/run_details.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <set>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/config/run_config.h"
#include "dashboard/json.h"
#include "dashboard/run_facts.h"
#include "nlohmann/json.hpp"

namespace pmoe {
namespace {

namespace fs = std::filesystem;

constexpr size_t kVideosMax = 100;
constexpr size_t kLooksMax = 10'000;

std::string FolderOf(const std::string& directory) { return directory + "/videos"; }

// Links could lead out of the run.
bool IsFolder(const std::string& path) {
  struct stat info;
  return ::lstat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

// Settings as they would be without anybody's word.
RunConfig Plain(const RunConfig& config) {
  ConfigSources sources;
  sources.preset = config.preset();
  sources.flags = {{"algorithm", config.algorithm()}, {"env.id", config.env().id()}};
  absl::StatusOr<RunConfig> plain = ResolveConfig(sources);
  return plain.ok() ? *std::move(plain) : RunConfig();
}

std::vector<std::string> CommandOf(const std::string& directory, const RunConfig& config) {
  std::error_code error;
  const bool cluster = fs::exists(directory + "/learner.address", error);
  std::vector<std::string> words = {
      "pmoe",     cluster ? "up" : "train", "--env",  config.env().id(),
      "--algo",   config.algorithm(),       "--seed", absl::StrCat(config.seed()),
      "--preset", config.preset()};
  for (const auto& [path, value] : ChangedValues(Plain(config), config)) {
    if (path == "seed" || path == "preset" || path == "algorithm" || path == "env.id") continue;
    words.insert(words.end(), {"--set", absl::StrCat(path, "=", value)});
  }
  return words;
}

using Values = std::map<std::string, std::string>;  // by path

Values Differing(const RunConfig& from, const RunConfig& of) {
  const auto changed = ChangedValues(from, of);
  return {changed.begin(), changed.end()};
}

nlohmann::ordered_json ValueOf(const Values& values, const std::string& path) {
  const auto at = values.find(path);
  return at == values.end() ? nlohmann::ordered_json() : nlohmann::ordered_json(at->second);
}

}  // namespace

std::vector<RunVideo> VideosOf(const std::string& directory) {
  std::vector<RunVideo> videos;
  const std::string folder = FolderOf(directory);
  if (!IsFolder(folder)) return videos;
  std::error_code error;
  size_t looks = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (++looks > kLooksMax || videos.size() == kVideosMax) break;
    struct stat info;
    const bool is_file =
        ::lstat(entry.path().c_str(), &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0;
    const std::string name = entry.path().filename().string();
    if (is_file && absl::EndsWith(name, ".mp4")) videos.push_back({name, info.st_size});
  }
  std::sort(videos.begin(), videos.end(),
            [](const RunVideo& a, const RunVideo& b) { return a.name < b.name; });
  return videos;
}

std::optional<VideoPiece> ReadVideo(const std::string& directory, absl::string_view name,
                                    int64_t first, int64_t count) {
  // The name is compared, never put into a path: what is opened is what was found.
  const std::vector<RunVideo> videos = VideosOf(directory);
  const auto video = std::find_if(videos.begin(), videos.end(),
                                  [&](const RunVideo& one) { return one.name == name; });
  if (video == videos.end() || first < 0) return std::nullopt;
  const int folder =
      ::open(FolderOf(directory).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_DIRECTORY);
  if (folder < 0) return std::nullopt;
  const absl::Cleanup close_folder = [folder] { ::close(folder); };
  const int fd =
      ::openat(folder, video->name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return std::nullopt;
  const absl::Cleanup close = [fd] { ::close(fd); };
  struct stat info;
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || first >= info.st_size) {
    return std::nullopt;
  }
  VideoPiece piece;
  piece.total = info.st_size;
  piece.bytes.resize(static_cast<size_t>(std::min<int64_t>(count, info.st_size - first)));
  const ssize_t size = ::pread(fd, piece.bytes.data(), piece.bytes.size(), first);
  if (size <= 0) return std::nullopt;
  piece.bytes.resize(static_cast<size_t>(size));
  return piece;
}

std::string DetailsJson(const RunEntry& run) {
  nlohmann::ordered_json details = {{"command", nlohmann::ordered_json::array()},
                                    {"videos", nlohmann::ordered_json::array()}};
  if (const auto config = ReadConfigOf(run.path); config != nullptr) {
    details["command"] = CommandOf(run.path, *config);
  }
  for (const RunVideo& video : VideosOf(run.path)) {
    details["videos"].push_back({{"name", video.name}, {"bytes", video.bytes}});
  }
  return JsonLine(details);
}

std::string DifferencesJson(const std::vector<RunEntry>& runs) {
  std::vector<std::shared_ptr<const RunConfig>> configs;
  nlohmann::ordered_json ids = nlohmann::ordered_json::array();
  for (const RunEntry& run : runs) {
    auto config = ReadConfigOf(run.path);
    if (config == nullptr) continue;
    configs.push_back(std::move(config));
    ids.push_back(run.id);
  }
  // Against the first one: what is not alike in two of them is not the first's in one of them.
  std::set<std::string> paths;
  Values first;
  std::vector<Values> theirs, in_first;  // [run - 1]
  for (size_t i = 1; i < configs.size(); ++i) {
    theirs.push_back(Differing(*configs[0], *configs[i]));
    in_first.push_back(Differing(*configs[i], *configs[0]));
    first.insert(in_first.back().begin(), in_first.back().end());
    for (const auto& [path, value] : theirs.back()) paths.insert(path);
    for (const auto& [path, value] : in_first.back()) paths.insert(path);
  }
  nlohmann::ordered_json settings = nlohmann::ordered_json::array();
  for (const std::string& path : paths) {
    nlohmann::ordered_json values = nlohmann::ordered_json::array({ValueOf(first, path)});
    for (size_t i = 0; i < theirs.size(); ++i) {
      const bool differs = theirs[i].contains(path) || in_first[i].contains(path);
      values.push_back(ValueOf(differs ? theirs[i] : first, path));
    }
    settings.push_back({{"path", path}, {"values", std::move(values)}});
  }
  return JsonLine({{"runs", std::move(ids)}, {"settings", std::move(settings)}});
}

}  // namespace pmoe
