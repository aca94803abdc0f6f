#include "common/rpc/callers.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "google/protobuf/descriptor.h"
#include "grpc/grpc_security_constants.h"
#include "proto/options.pb.h"

namespace pmoe {
namespace {

// gRPC's own services.
bool IsForEverybody(absl::string_view path) {
  return absl::StartsWith(path, "/grpc.health.v1.Health/") ||
         absl::StartsWith(path, "/grpc.reflection.v1alpha.ServerReflection/");
}

PeerRole FromOption(int caller) {
  switch (caller) {
    case CALLER_LEARNER:
      return PeerRole::kLearner;
    case CALLER_REPLAY:
      return PeerRole::kReplay;
    case CALLER_ACTOR:
      return PeerRole::kActor;
    default:
      return PeerRole::kAdmin;
  }
}

}  // namespace

std::vector<PeerRole> Callers(absl::string_view path) {
  if (IsForEverybody(path)) return AllPeerRoles();
  if (!absl::ConsumePrefix(&path, "/")) return {};
  const google::protobuf::MethodDescriptor* const method =
      google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(
          absl::StrReplaceAll(path, {{"/", "."}}));
  std::vector<PeerRole> roles;
  if (method == nullptr) return roles;
  const google::protobuf::MethodOptions& options = method->options();
  for (int i = 0; i < options.ExtensionSize(callers); ++i) {
    roles.push_back(FromOption(options.GetExtension(callers, i)));
  }
  return roles;
}

absl::Status CheckMayCall(PeerRole role, absl::string_view path) {
  const std::vector<PeerRole> roles = Callers(path);
  if (std::find(roles.begin(), roles.end(), role) != roles.end()) return absl::OkStatus();
  const std::string who = absl::StrJoin(roles, " or ", [](std::string* text, PeerRole may) {
    absl::StrAppend(text, PeerRoleName(may));
  });
  return absl::PermissionDeniedError(
      absl::StrCat("the certificate is of role ", PeerRoleName(role), ", which may not call ", path,
                   who.empty() ? "; nobody may, there is no such method"
                               : absl::StrCat("; only ", who, " may")));
}

std::optional<PeerName> PeerOf(const grpc::AuthContext& context) {
  // gRPC sets it for a certificate with exactly one URI of the SPIFFE form.
  const std::vector<grpc::string_ref> ids =
      context.FindPropertyValues(GRPC_PEER_SPIFFE_ID_PROPERTY_NAME);
  if (ids.size() != 1) return std::nullopt;
  absl::StatusOr<PeerName> name = ParsePeerName({ids[0].data(), ids[0].size()});
  if (!name.ok()) return std::nullopt;
  return *std::move(name);
}

}  // namespace pmoe
