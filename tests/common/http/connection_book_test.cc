#include "common/http/connection_book.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "gtest/gtest.h"
#include "tests/testing/fake_clock.h"

namespace pmoe {
namespace {

using std::chrono::seconds;

// Both ends of a connection; the server's is in the book under its address.
class Ends {
 public:
  explicit Ends(ConnectionBook* book) : book_(book) {
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds_.data()), 0);
    book_->Add(this, fds_[0]);
  }
  ~Ends() {
    book_->Remove(this);
    ::close(fds_[0]);
    HangUp();
  }
  void HangUp() {
    if (fds_[1] >= 0) ::close(std::exchange(fds_[1], -1));
  }
  // Whether the client sees the end.
  bool Cut() const {
    pollfd look = {fds_[1], POLLRDHUP, 0};
    return ::poll(&look, 1, 0) > 0;
  }

 private:
  ConnectionBook* const book_;
  std::array<int, 2> fds_{};
};

class ConnectionBookTest : public ::testing::Test {
 protected:
  FakeClock clock_;
  ConnectionBook book_{{/*connections=*/2, /*streams=*/1, /*answer=*/seconds(10)}, &clock_};
};

TEST_F(ConnectionBookTest, OneTooManyCutsTheOldest) {
  const Ends first(&book_), second(&book_);
  EXPECT_FALSE(first.Cut());
  const Ends third(&book_);
  EXPECT_TRUE(first.Cut());
  EXPECT_FALSE(second.Cut());
}

TEST_F(ConnectionBookTest, AStreamIsNotCutForOthers) {
  const Ends first(&book_), second(&book_);
  ASSERT_TRUE(book_.MakeStream(&first));
  const Ends third(&book_);
  EXPECT_FALSE(first.Cut());
  EXPECT_TRUE(second.Cut());
}

TEST_F(ConnectionBookTest, WhatTakesTooLongIsCutButForStreams) {
  const Ends first(&book_), second(&book_);
  ASSERT_TRUE(book_.MakeStream(&second));
  clock_.Advance(seconds(9));
  book_.CutLate();
  EXPECT_FALSE(first.Cut());
  clock_.Advance(seconds(2));
  book_.CutLate();
  EXPECT_TRUE(first.Cut());
  EXPECT_FALSE(second.Cut());
}

TEST_F(ConnectionBookTest, AStreamWhoseClientHasLeftGivesItsPlaceAtOnce) {
  Ends first(&book_);
  const Ends second(&book_);
  ASSERT_TRUE(book_.MakeStream(&first));
  EXPECT_FALSE(book_.MakeStream(&second));
  EXPECT_FALSE(book_.HasLeft(&first));
  first.HangUp();
  EXPECT_TRUE(book_.HasLeft(&first));
  EXPECT_TRUE(book_.MakeStream(&second));
}

}  // namespace
}  // namespace pmoe
