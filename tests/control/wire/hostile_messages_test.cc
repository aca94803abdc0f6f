// The generator of hostile messages leaves no field out.
#include "tests/testing/hostile_messages.h"

#include <cmath>
#include <set>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "proto/run.pb.h"

namespace pmoe {
namespace {

using ::testing::IsSupersetOf;

const HostileLimits kSmall = {.bytes = 1000, .elements = 20};

// "reports[0].episodes[0].length" of every field below.
void Leaves(const google::protobuf::Descriptor& at, const std::string& path,
            std::set<std::string>* leaves) {
  for (int i = 0; i < at.field_count(); ++i) {
    const google::protobuf::FieldDescriptor& field = *at.field(i);
    if (IsBeyondReflection(field)) continue;
    const std::string name = path + field.name();
    leaves->insert(name);
    if (field.message_type() == nullptr) continue;
    Leaves(*field.message_type(), name + (field.is_repeated() ? "[0]." : "."), leaves);
  }
}

template <typename M>
std::set<std::string> Touched() {
  std::set<std::string> touched;
  ForEachHostile(M(), kSmall, [&](const std::string& what, const M&) {
    touched.insert(what.substr(0, what.find(' ')));
  });
  return touched;
}

template <typename M>
void ExpectEveryFieldIsTouched() {
  std::set<std::string> leaves;
  Leaves(*M::descriptor(), "", &leaves);
  EXPECT_THAT(Touched<M>(), IsSupersetOf(leaves)) << M::descriptor()->name();
}

TEST(HostileMessagesTest, EveryFieldOfWhatAMemberSendsIsTouched) {
  ExpectEveryFieldIsTouched<JoinRequest>();
  ExpectEveryFieldIsTouched<FollowerMessage>();
  ExpectEveryFieldIsTouched<InsertRequest>();
}

TEST(HostileMessagesTest, NumbersReachTheirEnds) {
  std::set<uint64_t> versions;
  bool nan = false, infinite = false;
  ForEachHostile(FollowerMessage(), kSmall, [&](const std::string&, const FollowerMessage& m) {
    versions.insert(m.policy_version());
    nan = nan || std::isnan(m.evaluation().seconds());
    infinite = infinite || std::isinf(m.evaluation().seconds());
  });
  EXPECT_THAT(versions, IsSupersetOf({uint64_t{0}, UINT64_MAX, UINT64_MAX - 1, uint64_t{UINT32_MAX},
                                      uint64_t{1} << 31}));
  EXPECT_TRUE(nan && infinite);
}

TEST(HostileMessagesTest, ListsAndTextsGrowLong) {
  int reports = 0;
  size_t host = 0;
  ForEachHostile(FollowerMessage(), kSmall, [&](const std::string&, const FollowerMessage& m) {
    reports = std::max(reports, m.reports_size());
  });
  ForEachHostile(JoinRequest(), kSmall, [&](const std::string&, const JoinRequest& m) {
    host = std::max(host, m.process().host().size());
  });
  EXPECT_EQ(reports, kSmall.elements);
  EXPECT_EQ(host, kSmall.bytes);
}

TEST(HostileMessagesTest, OnlyOneFieldDiffersFromTheHonestMessage) {
  FollowerMessage honest;
  honest.set_policy_version(7);
  honest.add_reports()->set_env_steps(5);
  ForEachHostile(honest, kSmall, [&](const std::string& what, const FollowerMessage& m) {
    EXPECT_TRUE(m.policy_version() == 7 || absl::StartsWith(what, "policy_version")) << what;
    EXPECT_TRUE(m.reports_size() == 1 || absl::StartsWith(what, "reports")) << what;
  });
}

}  // namespace
}  // namespace pmoe
