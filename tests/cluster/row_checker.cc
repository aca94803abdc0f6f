#include "tests/cluster/row_checker.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <tuple>

#include "tests/cluster/cluster_testing.h"

namespace pmoe {
namespace {

using RowName = std::tuple<uint32_t, uint32_t, uint32_t, uint64_t>;  // actor, epoch, env, step

struct SentRows {
  std::map<RowName, std::string> crc;
  int64_t acked = 0;
  int64_t backwards = 0;
};

void ReadAudit(const std::string& path, SentRows* sent) {
  std::ifstream file(path);
  int64_t acked = 0;
  uint64_t version_before = 0;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string kind, crc;
    words >> kind;
    if (kind == "acked") {
      uint64_t seq = 0;
      words >> seq >> acked;
      continue;
    }
    uint32_t actor = 0, epoch = 0, env = 0;
    uint64_t step = 0, version = 0;
    if (!(words >> actor >> epoch >> env >> step >> crc >> version)) continue;  // cut by a kill
    sent->crc[{actor, epoch, env, step}] = crc;
    // Version 0 is the uniform warm-up, which a restarted run may come back to.
    if (version > 0 && version < version_before) ++sent->backwards;
    if (version > 0) version_before = version;
  }
  sent->acked += acked;
}

}  // namespace

RowCheck CheckRows(const std::string& audit_dir, const std::string& table) {
  SentRows sent;
  for (const auto& entry : std::filesystem::directory_iterator(audit_dir)) {
    ReadAudit(entry.path().string(), &sent);
  }
  RowCheck check;
  check.sent = static_cast<int64_t>(sent.crc.size());
  check.acked = sent.acked;
  check.backwards = sent.backwards;
  const ProcessResult dump = RunProcess({Binary("pmoe-replay"), "dump", table});
  EXPECT_EQ(dump.exit_code, 0) << dump.output.substr(0, 500);
  std::istringstream lines(dump.output);
  std::set<RowName> seen;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    uint32_t actor = 0, epoch = 0, env = 0;
    uint64_t step = 0;
    std::string crc;
    words >> actor >> epoch >> env >> step >> crc;
    const RowName name{actor, epoch, env, step};
    ++check.held;
    if (!seen.insert(name).second) ++check.duplicated;
    const auto at = sent.crc.find(name);
    if (at == sent.crc.end()) {
      ++check.unknown;
    } else if (at->second != crc) {
      ++check.torn;
    }
  }
  return check;
}

}  // namespace pmoe
