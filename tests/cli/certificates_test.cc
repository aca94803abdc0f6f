// What `pmoe certs init` makes, keeps, renews and refuses to touch.
#include "cli/certificates.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <map>

#include "absl/time/clock.h"
#include "common/base/file.h"
#include "common/tls/identity.h"
#include "tests/testing/certificates.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

using What = CertificateReport::What;

constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;

class CertificatesTest : public ::testing::Test {
 protected:
  // What was done, by folder under the output.
  std::map<std::string, What> Init(absl::Time now) {
    const auto reports = InitCertificates(options_, now);
    EXPECT_OK(reports);
    std::map<std::string, What> what;
    if (!reports.ok()) return what;
    for (const CertificateReport& report : *reports) {
      what[std::filesystem::path(report.folder).filename()] = report.what;
    }
    return what;
  }
  static std::map<std::string, What> All(What what, What authority) {
    return {
        {"ca", authority}, {"learner", what}, {"replay", what}, {"actor", what}, {"admin", what}};
  }
  std::string File(const std::string& name) const { return options_.out + "/" + name; }
  std::string Text(const std::string& name) const { return *ReadFile(File(name)); }

  TempDir dir_;
  CertificateOptions options_ = {.out = dir_.File("certs"), .cluster = std::nullopt};
  const absl::Time now_ = absl::Now();
};

TEST_F(CertificatesTest, EveryRolesFolderCanBeUsedAtOnce) {
  EXPECT_EQ(Init(now_), All(What::kMade, What::kMade));
  for (const PeerRole role : AllPeerRoles()) {
    const auto identity = ReadIdentity(File(PeerRoleName(role)), now_);
    ASSERT_OK(identity);
    EXPECT_EQ(identity->name.role, role);
    EXPECT_EQ(identity->name.cluster, "pmoe");
  }
}

TEST_F(CertificatesTest, KeysAreForTheirOwnerOnly) {
  Init(now_);
  for (const char* name : {"ca", "learner", "replay", "actor", "admin"}) {
    struct stat info {};
    ASSERT_EQ(::stat(File(std::string(name) + "/key.pem").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777u, 0600u) << name;
  }
}

TEST_F(CertificatesTest, AKeyThatOthersReadOrAFolderThatOthersWriteIsRefused) {
  Init(now_);
  const auto init = [&] { return InitCertificates(options_, now_); };
  for (const char* key : {"actor/key.pem", "ca/key.pem"}) {
    ASSERT_EQ(::chmod(File(key).c_str(), 0644), 0);
    EXPECT_THAT(init(), FailsWith(kRefused, "chmod 600 " + File(key)));
    ASSERT_EQ(::chmod(File(key).c_str(), 0640), 0);  // as Kubernetes mounts a secret
    EXPECT_OK(init());
  }
  ASSERT_EQ(::chmod(File("replay").c_str(), 0777), 0);
  EXPECT_THAT(init(), FailsWith(kRefused, "chmod o-w"));
}

TEST_F(CertificatesTest, ASecondCallKeepsEverything) {
  Init(now_);
  const std::string before = Text("actor/cert.pem");
  EXPECT_EQ(Init(now_ + absl::Hours(24 * 200)), All(What::kKept, What::kKept));
  EXPECT_EQ(Text("actor/cert.pem"), before);
}

TEST_F(CertificatesTest, ACertificateThatEndsSoonIsRenewedWithItsKey) {
  Init(now_);
  const std::string key = Text("actor/key.pem"), cert = Text("actor/cert.pem");
  const absl::Time later = now_ + absl::Hours(24 * 300);
  EXPECT_EQ(Init(later), All(What::kRenewed, What::kKept));
  EXPECT_EQ(Text("actor/key.pem"), key);
  EXPECT_NE(Text("actor/cert.pem"), cert);
  EXPECT_OK(ReadIdentity(File("actor"), now_ + absl::Hours(24 * 600)));
}

TEST_F(CertificatesTest, RenewMakesEveryRolesAnew) {
  Init(now_);
  options_.renew = true;
  EXPECT_EQ(Init(now_), All(What::kRenewed, What::kKept));
}

TEST_F(CertificatesTest, TheAuthorityIsRenewedWithItsKeySoThatWhatItSignedStaysGood) {
  options_.days = 3650;
  Init(now_);
  const std::string cert = Text("actor/cert.pem"), ca = Text("ca/ca.pem");
  const absl::Time later = now_ + absl::Hours(24 * 2600);
  Init(later);
  EXPECT_NE(Text("ca/ca.pem"), ca);
  EXPECT_EQ(Text("actor/ca.pem"), Text("ca/ca.pem"));
  EXPECT_OK(CheckSignedBy(cert, Text("ca/ca.pem")));
}

TEST_F(CertificatesTest, WhatIsMissingIsMadeAndTheRestKept) {
  Init(now_);
  std::filesystem::remove_all(File("replay"));
  std::map<std::string, What> expected = All(What::kKept, What::kKept);
  expected["replay"] = What::kMade;
  EXPECT_EQ(Init(now_), expected);
}

TEST_F(CertificatesTest, ANewAuthoritySignsEveryRoleAnew) {
  Init(now_);
  std::filesystem::remove_all(File("ca"));
  EXPECT_EQ(Init(now_), All(What::kRenewed, What::kMade));
  EXPECT_OK(ReadIdentity(File("actor"), now_));
}

TEST_F(CertificatesTest, WithoutTheAuthoritysKeyWhatIsGoodIsKeptAndNothingIsSigned) {
  Init(now_);
  std::filesystem::remove(File("ca/key.pem"));
  EXPECT_EQ(Init(now_), All(What::kKept, What::kKept));
  std::filesystem::remove_all(File("admin"));
  EXPECT_THAT(InitCertificates(options_, now_), FailsWith(kRefused, "ca/key.pem, which signs it"));
}

TEST_F(CertificatesTest, WhatIsDamagedIsNamedAndNotReplaced) {
  for (const char* name : {"ca/ca.pem", "ca/key.pem", "actor/cert.pem", "actor/key.pem"}) {
    Init(now_);
    const std::string before = Text(name);
    WriteText(File(name), "nonsense");
    EXPECT_THAT(InitCertificates(options_, now_), FailsWith(kRefused, File(name) + " holds no"));
    EXPECT_EQ(Text(name), "nonsense");
    WriteText(File(name), before);
  }
}

TEST_F(CertificatesTest, AnotherClustersFolderIsNotTakenOver) {
  options_.cluster = "one";
  Init(now_);
  EXPECT_EQ(ReadIdentity(File("actor"), now_)->name.cluster, "one");
  options_.cluster = "two";
  EXPECT_THAT(InitCertificates(options_, now_),
              FailsWith(kRefused, "holds the certificates of one"));
}

TEST_F(CertificatesTest, MembersMayHaveCertificatesOfTheirOwn) {
  options_.actors = 2;
  options_.replays = 1;
  std::map<std::string, What> expected = All(What::kMade, What::kMade);
  for (const char* own : {"actor-0", "actor-1", "evaluator", "replay-0"}) {
    expected[own] = What::kMade;
  }
  EXPECT_EQ(Init(now_), expected);
  const auto actor = ReadIdentity(File("actor-1"), now_);
  ASSERT_OK(actor);
  EXPECT_EQ(actor->name.Uri(), "spiffe://pmoe/actor/seat-1");
  EXPECT_TRUE(ReadIdentity(File("evaluator"), now_)->name.seat()->evaluator);
  EXPECT_EQ(ReadIdentity(File("replay-0"), now_)->name.role, PeerRole::kReplay);
  EXPECT_FALSE(ReadIdentity(File("actor"), now_)->name.seat().has_value());
  EXPECT_EQ(CertificateFolders(options_.out).size(), expected.size() - 1);
}

// From cron, with the words that it always had.
TEST_F(CertificatesTest, MembersOwnCertificatesAreRenewedUnasked) {
  options_.actors = 1;
  Init(now_);
  options_.actors = 0;
  const std::string before = Text("actor-0/cert.pem");
  std::map<std::string, What> expected = All(What::kRenewed, What::kKept);
  expected["actor-0"] = expected["evaluator"] = What::kRenewed;
  EXPECT_EQ(Init(now_ + absl::Hours(24 * 300)), expected);
  EXPECT_NE(Text("actor-0/cert.pem"), before);
}

TEST_F(CertificatesTest, OptionsHaveTheirLimits) {
  options_.actors = 1025;
  EXPECT_THAT(InitCertificates(options_, now_), IsInvalid("--actors must be from 0 to 1024"));
  options_.actors = 0;
  options_.replays = -1;
  EXPECT_THAT(InitCertificates(options_, now_), IsInvalid("--replays must be from 0 to 1024"));
  options_.replays = 0;
  options_.days = 0;
  EXPECT_THAT(InitCertificates(options_, now_), IsInvalid("--days must be from 1 to 3650, got 0"));
  options_.days = 1;
  options_.cluster = "Mine";
  EXPECT_THAT(InitCertificates(options_, now_), IsInvalid("a cluster's name"));
}

}  // namespace
}  // namespace pmoe
