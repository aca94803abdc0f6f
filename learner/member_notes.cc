#include "learner/member_notes.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace pmoe {
namespace {

std::string Sentence(const std::vector<uint32_t>& actors, const char* one, const char* many,
                     uint64_t env_steps) {
  const std::string who = actors.size() == 1 ? absl::StrCat("actor ", actors[0], " ", one)
                                             : absl::StrCat(actors.size(), " actors ", many);
  return absl::StrCat(who, " at ", env_steps, " env steps");
}

}  // namespace

std::vector<std::string> MemberNotes::Changes(const RunStatus& status, uint64_t env_steps) {
  std::map<uint32_t, uint32_t> connected;
  for (const MemberStatus& member : status.members()) {
    if (member.role() == RUN_ROLE_ACTOR && member.connected()) {
      connected.emplace(member.index(), member.epoch());
    }
  }
  std::vector<uint32_t> joined, gone;
  for (const auto& [index, epoch] : connected) {
    const auto before = connected_.find(index);
    if (before == connected_.end() || before->second != epoch) joined.push_back(index);
  }
  for (const auto& [index, epoch] : connected_) {
    const auto now = connected.find(index);
    if (now == connected.end() || now->second != epoch) gone.push_back(index);
  }
  connected_ = std::move(connected);
  std::vector<std::string> lines;
  if (!gone.empty()) lines.push_back(Sentence(gone, "is gone", "are gone", env_steps));
  if (!joined.empty()) lines.push_back(Sentence(joined, "joined", "joined", env_steps));
  if (lines_ >= kLinesMax) return {};
  lines_ += static_cast<int>(lines.size());
  if (lines_ >= kLinesMax) lines.push_back("no more of actors that come and go");
  return lines;
}

}  // namespace pmoe
