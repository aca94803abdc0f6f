#include "common/tls/peer_name.h"

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

constexpr absl::string_view kScheme = "spiffe://";
constexpr size_t kClusterMax = 63;
constexpr absl::string_view kSeat = "seat-";
constexpr absl::string_view kEvaluator = "evaluator";

// Of what stands behind "seat-"; nullopt: not as PeerSeat::Name writes it.
std::optional<PeerSeat> ParseSeat(absl::string_view text, PeerRole role) {
  if (text == kEvaluator && role == PeerRole::kActor) return PeerSeat{.evaluator = true};
  PeerSeat seat;
  const bool has_seats = role == PeerRole::kActor || role == PeerRole::kReplay;
  if (!has_seats || !absl::SimpleAtoi(text, &seat.index) || seat.index > kPeerSeatMax ||
      text != absl::StrCat(seat.index)) {
    return std::nullopt;
  }
  return seat;
}

}  // namespace

std::string PeerSeat::Name() const {
  return evaluator ? absl::StrCat(kSeat, kEvaluator) : absl::StrCat(kSeat, index);
}

std::optional<PeerSeat> PeerName::seat() const {
  absl::string_view text = name;
  if (!absl::ConsumePrefix(&text, kSeat)) return std::nullopt;
  return ParseSeat(text, role);
}

const std::vector<PeerRole>& AllPeerRoles() {
  static const auto& roles = *new std::vector<PeerRole>{PeerRole::kLearner, PeerRole::kReplay,
                                                        PeerRole::kActor, PeerRole::kAdmin};
  return roles;
}

const char* PeerRoleName(PeerRole role) {
  switch (role) {
    case PeerRole::kLearner:
      return "learner";
    case PeerRole::kReplay:
      return "replay";
    case PeerRole::kActor:
      return "actor";
    default:
      return "admin";
  }
}

std::string ClusterUri(absl::string_view cluster) { return absl::StrCat(kScheme, cluster); }

std::string PeerName::Uri() const {
  return absl::StrCat(kScheme, cluster, "/", PeerRoleName(role), "/", name);
}

absl::StatusOr<PeerName> ParsePeerName(absl::string_view uri) {
  const auto bad = [&](absl::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", uri, "\" is not spiffe://<cluster>/<role>/<name>: ", why));
  };
  absl::string_view rest = uri;
  if (!absl::ConsumePrefix(&rest, kScheme)) return bad("another scheme");
  const std::vector<absl::string_view> parts = absl::StrSplit(rest, '/');
  if (parts.size() != 3 || parts[2].empty()) return bad("not three parts");
  PMOE_RETURN_IF_ERROR(CheckClusterName(parts[0]));
  for (const PeerRole role : AllPeerRoles()) {
    if (parts[1] != PeerRoleName(role)) continue;
    // A name that means one seat must never count as one that means all.
    if (absl::string_view seat = parts[2];
        absl::ConsumePrefix(&seat, kSeat) && !ParseSeat(seat, role).has_value()) {
      return bad(absl::StrCat("a seat is one of actors and replay shards, seat-0 to seat-",
                              kPeerSeatMax, ", or seat-evaluator of role actor"));
    }
    return PeerName{std::string(parts[0]), role, std::string(parts[2])};
  }
  return bad("the role must be learner, replay, actor or admin");
}

absl::Status CheckClusterName(absl::string_view cluster) {
  bool valid = !cluster.empty() && cluster.size() <= kClusterMax;
  for (const char c : cluster) {
    valid &= absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-' || c == '.';
  }
  if (valid) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("a cluster's name is 1 to ", kClusterMax,
                   " lower-case letters, digits, dots and dashes, got \"", cluster, "\""));
}

}  // namespace pmoe
