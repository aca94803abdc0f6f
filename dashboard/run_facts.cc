#include "dashboard/run_facts.h"

#include <sys/stat.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/crc32c.h"
#include "common/config/run_config.h"
#include "nlohmann/json.hpp"

namespace pmoe {
namespace {

constexpr int64_t kBytesMax = 1 << 20;
constexpr size_t kTextMax = 200;

// Nullopt: no regular file of a reasonable size.
std::optional<std::string> ReadSmall(const std::string& path) {
  struct stat info;
  if (::lstat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  if (info.st_size > kBytesMax) return std::nullopt;
  absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) return std::nullopt;
  return *std::move(text);
}

std::string Seen(const std::string& path) {
  struct stat info;
  if (::lstat(path.c_str(), &info) != 0) return "-";
  return absl::StrCat(info.st_ino, ".", info.st_size, ".", info.st_mtim.tv_sec, ".",
                      info.st_mtim.tv_nsec, " ");
}

std::string GroupOf(RunConfig config) {
  config.clear_seed();
  return absl::StrFormat("%08x", Crc32c(PrintConfig(config)));
}

std::string TextOf(const nlohmann::json& manifest, const char* key) {
  const auto at = manifest.find(key);
  if (at == manifest.end() || !at->is_string()) return "";
  return at->get<std::string>().substr(0, kTextMax);
}

void ReadManifest(const std::string& path, RunFacts* facts) {
  const std::optional<std::string> text = ReadSmall(path);
  if (!text.has_value()) return;
  const auto manifest = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!manifest.is_object()) return;
  facts->commit = TextOf(manifest, "commit");
  facts->started = TextOf(manifest, "started");
  facts->host = TextOf(manifest, "host");
}

}  // namespace

std::shared_ptr<const RunConfig> ReadConfigOf(const std::string& directory) {
  const std::optional<std::string> text = ReadSmall(directory + "/config.textproto");
  if (!text.has_value()) return nullptr;
  absl::StatusOr<RunConfig> config = ParseConfigText(*text);
  if (!config.ok()) return nullptr;
  return std::make_shared<const RunConfig>(*std::move(config));
}

RunFacts ReadRunFacts(const std::string& directory) {
  RunFacts facts;
  ReadManifest(directory + "/manifest.json", &facts);
  const std::shared_ptr<const RunConfig> config = ReadConfigOf(directory);
  if (config == nullptr) return facts;
  facts.env = config->env().id();
  facts.algorithm = config->algorithm();
  facts.preset = config->preset();
  facts.mode = config->schedule().mode();
  facts.group = GroupOf(*config);
  facts.seed = config->seed();
  facts.primitives = config->policy().primitives();
  // A file of nonsense may have rounds of no steps.
  if (ValidateConfig(*config).ok()) facts.total_steps = TotalSteps(*config);
  facts.replay_capacity = config->replay().capacity();
  facts.batch_size = config->learner().batch_size();
  facts.price_per_hour = config->observe().price_per_hour();
  if (config->observe().has_target_return())
    facts.target_return = config->observe().target_return();
  return facts;
}

const RunFacts& RunFactsBook::Of(const std::string& directory) {
  const std::string seen =
      Seen(directory + "/config.textproto") + Seen(directory + "/manifest.json");
  Entry& entry = now_[directory];
  if (entry.seen == seen) return entry.facts;  // one run of two folders
  const auto known = before_.find(directory);
  entry = known != before_.end() && known->second.seen == seen
              ? std::move(known->second)
              : Entry{seen, ReadRunFacts(directory)};
  return entry.facts;
}

}  // namespace pmoe
