#include "replay/client/audit_log.h"

#include <gtest/gtest.h>

#include "replay/core/row_crc.h"
#include "tests/replay/replay_testing.h"

namespace pmoe {
namespace {

constexpr TableSpec kSpec{.obs_dim = 1, .action_dim = 1};

class AuditLogTest : public ::testing::Test {
 protected:
  AuditLogTest() {
    auto log = AuditLog::Create(folder_.File("audit"));
    EXPECT_OK(log);
    log_ = *std::move(log);
  }
  std::vector<std::string> Lines() const {
    std::ifstream file(folder_.File("audit"));
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }

  TempDir folder_;
  std::unique_ptr<AuditLog> log_;
};

TEST_F(AuditLogTest, ARowIsNamedWithTheCrcOfItsTransition) {
  log_->OnChunk(kSpec, MakeChunk(kSpec, {.actor = 2, .epoch = 3, .env = 1, .first_step = 40}));
  const float obs[] = {ObsValue(2, 1, 40)};
  const float next[] = {ObsValue(2, 1, 41)};
  const float action[] = {-40.0f};
  const uint32_t crc = RowCrc(
      {.obs = obs, .action = action, .reward = 40.0f, .next_obs = next, .policy_version = 40});
  EXPECT_EQ(Lines(), std::vector<std::string>(
                         {absl::StrCat("row 2 3 1 40 ", absl::Hex(crc, absl::kZeroPad8), " 40")}));
}

TEST_F(AuditLogTest, CountsTheRowsOfWhatWasAcknowledged) {
  log_->OnChunk(kSpec, MakeChunk(kSpec, {.seq = 0, .rows = 5}));
  log_->OnChunk(kSpec, MakeChunk(kSpec, {.seq = 1, .first_step = 5, .rows = 7}));
  log_->OnAcked(1);
  EXPECT_EQ(Lines().back(), "acked 1 5");
  log_->OnAcked(1);
  EXPECT_EQ(Lines().size(), 13u) << "nothing new was acknowledged";
  log_->OnAcked(2);
  EXPECT_EQ(Lines().back(), "acked 2 12");
}

TEST_F(AuditLogTest, ARunThatGoesOnBeginsWithAnotherChunkThanTheFirst) {
  log_->OnChunk(kSpec, MakeChunk(kSpec, {.seq = 120, .first_step = 900, .rows = 3}));
  log_->OnAcked(120);
  EXPECT_EQ(Lines().size(), 3u) << "120 is the one that is wanted, not one that is in";
  log_->OnAcked(121);
  EXPECT_EQ(Lines().back(), "acked 121 3");
}

TEST_F(AuditLogTest, AnAuditIsNotWrittenOverAnother) {
  EXPECT_THAT(AuditLog::Create(folder_.File("audit")),
              FailsWith(absl::StatusCode::kAlreadyExists, "audit"));
}

}  // namespace
}  // namespace pmoe
