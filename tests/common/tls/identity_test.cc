// A role's folder is read whole, and what is wrong with it is said before anything listens.
#include "common/tls/identity.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "common/base/file.h"
#include "tests/testing/certificates.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

class IdentityTest : public ::testing::Test {
 protected:
  void ExpectRefused(const std::string& message) {
    EXPECT_THAT(ReadIdentity(folder_, absl::Now()),
                FailsWith(absl::StatusCode::kFailedPrecondition, message));
  }

  TempDir dir_;
  const TestAuthority authority_;
  const std::string folder_ = authority_.WriteFolder(dir_.File("actor"), PeerRole::kActor);
};

TEST_F(IdentityTest, AFreshFolderSaysItsNameItsIssuerAndItsEnd) {
  const auto identity = ReadIdentity(folder_, absl::Now());
  ASSERT_OK(identity);
  EXPECT_EQ(identity->name.Uri(), "spiffe://pmoe/actor/1");
  EXPECT_EQ(identity->certificate.issuer, "pmoe authority of pmoe");
  EXPECT_GT(identity->certificate.validity.to - absl::Now(), absl::Hours(24 * 29));
  EXPECT_LT(identity->certificate.validity.from, absl::Now());
}

TEST_F(IdentityTest, AMissingFileIsNamed) {
  for (const char* name : {"/ca.pem", "/cert.pem", "/key.pem"}) {
    authority_.WriteFolder(folder_, PeerRole::kActor);
    std::filesystem::remove(folder_ + name);
    ExpectRefused("cannot open " + folder_ + name);
  }
}

TEST_F(IdentityTest, GarbageIsNamed) {
  for (const char* name : {"/ca.pem", "/cert.pem", "/key.pem"}) {
    authority_.WriteFolder(folder_, PeerRole::kActor);
    WriteText(folder_ + name, "nonsense\n");
    ExpectRefused(folder_ + name + " holds no ");
  }
}

TEST_F(IdentityTest, ACertificateThatIsCutShortIsNamed) {
  const std::string whole = *ReadFile(folder_ + "/cert.pem");
  WriteText(folder_ + "/cert.pem", whole.substr(0, whole.size() / 2));
  ExpectRefused(folder_ + "/cert.pem holds no certificate");
  WriteText(folder_ + "/cert.pem", whole + whole.substr(0, whole.size() / 2));
  ExpectRefused(folder_ + "/cert.pem holds a damaged certificate");
}

TEST_F(IdentityTest, TheKeyOfAnotherCertificateIsNamed) {
  WriteText(folder_ + "/key.pem", *MakePrivateKey());
  ExpectRefused(folder_ + "/key.pem is the key of another certificate");
}

TEST_F(IdentityTest, AnotherAuthorityIsNamed) {
  WriteText(folder_ + "/ca.pem", TestAuthority().pem());
  ExpectRefused(folder_ + "/cert.pem was not issued by this authority");
}

TEST_F(IdentityTest, OneOfSeveralAuthoritiesIsEnough) {
  WriteText(folder_ + "/ca.pem", TestAuthority().pem() + authority_.pem());
  EXPECT_OK(ReadIdentity(folder_, absl::Now()));
}

TEST_F(IdentityTest, AnExpiredCertificateSaysSinceWhenAndWhatToDo) {
  authority_.WriteFolder(folder_, PeerRole::kActor,
                         {absl::Now() - absl::Hours(48), absl::Now() - absl::Hours(24)});
  ExpectRefused("/cert.pem expired on 20");
  ExpectRefused("renew it with `pmoe certs init");
}

TEST_F(IdentityTest, OneThatIsNotValidYetAsksForTheClock) {
  authority_.WriteFolder(folder_, PeerRole::kActor,
                         {absl::Now() + absl::Hours(24), absl::Now() + absl::Hours(48)});
  ExpectRefused("/cert.pem is not valid before 20");
  ExpectRefused("is the clock right?");
}

TEST_F(IdentityTest, ACertificateOutlivesItsAuthorityNever) {
  authority_.WriteFolder(folder_, PeerRole::kActor, NowFor(9000));
  const auto identity = ReadIdentity(folder_, absl::Now());
  ASSERT_OK(identity);
  EXPECT_LT(identity->certificate.validity.to - absl::Now(), absl::Hours(24 * 3651));
}

TEST_F(IdentityTest, AnAuthoritysOwnCertificateIsNoIdentity) {
  const std::string key = *MakePrivateKey();
  const std::string pem = *MakeAuthority(key, "pmoe", NowFor(30));
  WriteText(folder_ + "/key.pem", key);
  WriteText(folder_ + "/cert.pem", pem);
  WriteText(folder_ + "/ca.pem", pem);
  ExpectRefused("unsuitable certificate purpose");
}

TEST_F(IdentityTest, AKeyThatOthersMayReadIsRefused) {
  const std::string key = folder_ + "/key.pem";
  std::filesystem::permissions(key, std::filesystem::perms(0644));
  ExpectRefused(key + " is a private key that other users may read or replace (mode 0644)");
  std::filesystem::permissions(key, std::filesystem::perms(0440));
  EXPECT_OK(ReadIdentity(folder_, absl::Now()));
}

}  // namespace
}  // namespace pmoe
