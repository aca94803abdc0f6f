// Who may call what, held against the protos: a new method must be added here and say its callers.
#include "common/rpc/callers.h"

#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.h"
#include "proto/replay.pb.h"
#include "proto/run.pb.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

using ::testing::UnorderedElementsAreArray;

const std::map<std::string, std::vector<PeerRole>>& Expected() {
  static const auto& table = *new std::map<std::string, std::vector<PeerRole>>{
      {"/pmoe.RunService/Join", {PeerRole::kActor, PeerRole::kReplay}},
      {"/pmoe.RunService/Follow", {PeerRole::kActor, PeerRole::kReplay}},
      {"/pmoe.RunService/GetStatus", {PeerRole::kLearner, PeerRole::kAdmin}},
      {"/pmoe.ReplayService/CreateTable", {PeerRole::kLearner}},
      {"/pmoe.ReplayService/Insert", {PeerRole::kActor}},
      {"/pmoe.ReplayService/Sample", {PeerRole::kLearner}},
      {"/pmoe.ReplayService/Load", {PeerRole::kLearner, PeerRole::kAdmin}},
      {"/pmoe.ReplayService/Commit", {PeerRole::kLearner}},
      {"/pmoe.ReplayService/Checkpoint", {PeerRole::kLearner, PeerRole::kAdmin}},
      {"/pmoe.ReplayService/CutActor", {PeerRole::kLearner}},
      {"/pmoe.ReplayService/UpdatePriorities", {PeerRole::kLearner}},
      {"/pmoe.ReplayService/GetStats", {PeerRole::kLearner, PeerRole::kAdmin}},
      {"/pmoe.ReplayService/SetLimiter", {PeerRole::kAdmin}},
      {"/pmoe.ReplayService/TakeRollout", {PeerRole::kLearner}},
  };
  return table;
}

// Of every service of a file.
void AddMethods(const google::protobuf::FileDescriptor* file, std::set<std::string>* methods) {
  for (int s = 0; s < file->service_count(); ++s) {
    for (int m = 0; m < file->service(s)->method_count(); ++m) {
      methods->insert(absl::StrCat("/", file->service(s)->full_name(), "/",
                                   file->service(s)->method(m)->name()));
    }
  }
}

TEST(CallersTest, EveryMethodOfTheProtosIsInTheTable) {
  std::set<std::string> declared, expected;
  AddMethods(JoinRequest::descriptor()->file(), &declared);
  AddMethods(InsertRequest::descriptor()->file(), &declared);
  for (const auto& [method, roles] : Expected()) expected.insert(method);
  EXPECT_EQ(declared, expected);
}

TEST(CallersTest, EachMethodMayBeCalledByItsRolesAndByNoOther) {
  for (const auto& [method, roles] : Expected()) {
    EXPECT_THAT(Callers(method), UnorderedElementsAreArray(roles)) << method;
  }
}

TEST(CallersTest, ARefusalSaysTheRoleTheMethodAndWhoMay) {
  EXPECT_THAT(CheckMayCall(PeerRole::kActor, "/pmoe.ReplayService/GetStats"),
              FailsWith(absl::StatusCode::kPermissionDenied,
                        "of role actor, which may not call /pmoe.ReplayService/GetStats; only "
                        "learner or admin may"));
}

TEST(CallersTest, HealthAndReflectionAreForEverybody) {
  for (const PeerRole role : AllPeerRoles()) {
    for (const char* method : {"/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch",
                               "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"}) {
      EXPECT_OK(CheckMayCall(role, method)) << method;
    }
  }
}

TEST(CallersTest, AMethodThatIsNotThereMayBeCalledByNobody) {
  for (const char* method : {"", "/", "/pmoe.RunService/Stop", "pmoe.RunService.Join",
                             "/pmoe.RunService", "/grpc.health.v2.Health/Check"}) {
    EXPECT_THAT(CheckMayCall(PeerRole::kAdmin, method),
                FailsWith(absl::StatusCode::kPermissionDenied, "nobody may"))
        << method;
  }
}

}  // namespace
}  // namespace pmoe
