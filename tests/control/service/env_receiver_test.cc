// The files of a task as a member sends them.
#include "control/service/env_receiver.h"

#include "control/wire/env_identity.h"
#include "gmock/gmock.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

using ::testing::ElementsAre;

EnvSpecMessage TwoFiles() {
  EnvSpecMessage env;
  for (const char* bytes : {"abcd", ""}) {
    EnvFileInfo* const file = env.add_files();
    file->set_bytes(std::string(bytes).size());
    file->set_sha256(Sha256(bytes));
  }
  return env;
}

EnvFilePiece Piece(uint32_t file, uint64_t offset, const std::string& data) {
  EnvFilePiece piece;
  piece.set_file(file);
  piece.set_offset(offset);
  piece.set_data(data);
  return piece;
}

TEST(EnvReceiverTest, PutsPiecesTogether) {
  EnvReceiver receiver(TwoFiles());
  for (const EnvFilePiece& piece : {Piece(0, 0, "ab"), Piece(0, 2, "cd")}) {
    const auto last = receiver.Add(piece);
    ASSERT_OK(last);
    EXPECT_FALSE(*last);
  }
  const auto last = receiver.Add(Piece(1, 0, ""));
  ASSERT_OK(last);
  EXPECT_TRUE(*last);
  EXPECT_THAT(receiver.Take().files, ElementsAre("abcd", ""));
}

TEST(EnvReceiverTest, APieceOutOfOrderIsRefused) {
  EXPECT_THAT(EnvReceiver(TwoFiles()).Add(Piece(1, 0, "")), IsInvalid("file 1"));
  EXPECT_THAT(EnvReceiver(TwoFiles()).Add(Piece(0, 1, "b")), IsInvalid("file 0"));
  EXPECT_THAT(EnvReceiver(TwoFiles()).Add(Piece(7, 0, "b")), IsInvalid("file 7"));
  EXPECT_THAT(EnvReceiver(TwoFiles()).Add(Piece(4294967295U, 0, "b")), IsInvalid("file"));
  EnvReceiver receiver(TwoFiles());
  ASSERT_OK(receiver.Add(Piece(0, 0, "ab")));
  EXPECT_THAT(receiver.Add(Piece(0, 0, "ab")), IsInvalid("piece at 0"));
  EXPECT_THAT(receiver.Add(Piece(0, 3, "d")), IsInvalid("piece at 3"));
}

TEST(EnvReceiverTest, MoreThanWasSaidIsRefused) {
  EXPECT_THAT(EnvReceiver(TwoFiles()).Add(Piece(0, 0, "abcde")), IsInvalid("of 5 bytes"));
}

TEST(EnvReceiverTest, AnotherDigestIsRefused) {
  EXPECT_THAT(EnvReceiver(TwoFiles()).Add(Piece(0, 0, "abcx")), IsInvalid("digest"));
}

}  // namespace
}  // namespace pmoe
