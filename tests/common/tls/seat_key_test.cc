// Only the holder of a run's key can make a seat that holds.
#include "common/tls/seat_key.h"

#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/escaping.h"
#include "common/base/file.h"
#include "gmock/gmock.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

const SeatClaim kClaim = {"run", 1, 3, 65536};

TEST(SeatKeyTest, ASeatHoldsWithItsOwnKeyOnly) {
  const SeatKey key(std::string(SeatKey::kBytes, 'k'));
  const std::string signature = key.Sign(kClaim);
  EXPECT_TRUE(key.Verify(kClaim, signature));
  EXPECT_FALSE(SeatKey(std::string(SeatKey::kBytes, 'l')).Verify(kClaim, signature));
}

TEST(SeatKeyTest, EveryPartOfTheClaimIsCovered) {
  const SeatKey key(std::string(SeatKey::kBytes, 'k'));
  const std::string signature = key.Sign(kClaim);
  for (const SeatClaim& other : {SeatClaim{"run2", 1, 3, 65536}, SeatClaim{"run", 2, 3, 65536},
                                 SeatClaim{"run", 1, 2, 65536}, SeatClaim{"run", 1, 3, 65537}}) {
    EXPECT_FALSE(key.Verify(other, signature));
  }
}

TEST(SeatKeyTest, NoOtherBytesAreASignature) {
  const SeatKey key(std::string(SeatKey::kBytes, 'k'));
  const std::string signature = key.Sign(kClaim);
  for (size_t i = 0; i < signature.size(); ++i) {
    std::string flipped = signature;
    flipped[i] = static_cast<char>(flipped[i] ^ 1);
    EXPECT_FALSE(key.Verify(kClaim, flipped));
    EXPECT_FALSE(key.Verify(kClaim, signature.substr(0, i)));
  }
  EXPECT_FALSE(key.Verify(kClaim, signature + "x"));
}

// Python: hmac.new(b"k" * 32, p, "sha256") with p = pack("<Q", 11) + b"pmoe seat 1" + pack("<Q", 3)
// + b"run" + pack("<iII", 1, 3, 65536).
TEST(SeatKeyTest, IsHmacSha256) {
  EXPECT_EQ(absl::BytesToHexString(SeatKey(std::string(SeatKey::kBytes, 'k')).Sign(kClaim)),
            "e681da6a2d2d5c6498d96487c5700d8250837efe651293cc6bb5595da95b43d6");
}

TEST(SeatKeyTest, AFileIsMadeForItsOwnerAloneAndReadAgain) {
  TempDir dir;
  const auto made = SeatKey::OfFile(dir.File("seat.key"));
  ASSERT_OK(made);
  struct stat info {};
  ASSERT_EQ(::stat(dir.File("seat.key").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  const auto again = SeatKey::OfFile(dir.File("seat.key"));
  ASSERT_OK(again);
  EXPECT_EQ(made->bytes(), again->bytes());
  const auto other = SeatKey::OfFile(dir.File("other.key"));
  ASSERT_OK(other);
  EXPECT_NE(made->bytes(), other->bytes());
}

TEST(SeatKeyTest, AKeyOfAGroupsVolumeStaysAndIsTheOwnersAgain) {
  TempDir dir;
  const std::string path = dir.File("seat.key");
  const auto before = SeatKey::OfFile(path);
  ASSERT_OK(before);
  ::chmod(path.c_str(), 0660);
  const auto after = SeatKey::OfFile(path);
  ASSERT_OK(after);
  EXPECT_EQ(before->bytes(), after->bytes());
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST(SeatKeyTest, AKeyThatOthersCouldReadIsReplaced) {
  TempDir dir;
  const std::string path = dir.File("seat.key");
  const auto before = SeatKey::OfFile(path);
  ASSERT_OK(before);
  ::chmod(path.c_str(), 0644);
  testing::internal::CaptureStderr();
  const auto after = SeatKey::OfFile(path);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::HasSubstr("a new key is made"));
  ASSERT_OK(after);
  EXPECT_NE(before->bytes(), after->bytes());
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST(SeatKeyTest, AFileThatHoldsNoKeyIsRefusedWithTheFix) {
  TempDir dir;
  constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;
  const std::string path = dir.File("seat.key");
  ASSERT_OK(WriteFileAtomic(path, "short"));
  ::chmod(path.c_str(), 0600);
  EXPECT_THAT(SeatKey::OfFile(path), FailsWith(kRefused, "must hold 32 bytes; remove it"));
  ASSERT_EQ(::symlink(path.c_str(), dir.File("link").c_str()), 0);
  EXPECT_THAT(SeatKey::OfFile(dir.File("link")), FailsWith(kRefused, "is a link"));
}

}  // namespace
}  // namespace pmoe
