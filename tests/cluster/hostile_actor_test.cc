// A run with real processes, and an actor beside them whose rows make no sense: it goes on, saves
// and resumes.
#include <limits>

#include "absl/strings/strip.h"
#include "common/base/build_info.h"
#include "common/rpc/channel.h"
#include "proto/replay.grpc.pb.h"
#include "proto/run.grpc.pb.h"
#include "replay/core/replay_shard.h"
#include "replay/wire/chunk_codec.h"
#include "tests/cluster/cluster_testing.h"
#include "tests/replay/replay_testing.h"

namespace pmoe {
namespace {

using ::testing::HasSubstr;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr std::chrono::seconds kCallMax{60};

RpcAddress AddressIn(const std::string& text) {
  const auto address = ParseRpcAddress(std::string(absl::StripSuffix(text, "\n")), "the learner");
  EXPECT_OK(address);
  return *address;
}

// A member in name only: it takes a seat and sends what it likes.
class HostileActor {
 public:
  HostileActor(const std::string& directory, TableSpec spec) : spec_(spec) {
    const RpcAddress learner = AddressIn(*ReadFile(directory + "/learner.address"));
    const auto run = RunService::NewStub(MakeChannel(learner, PeerRole::kLearner, {}));
    JoinRequest join;
    join.set_role(RUN_ROLE_ACTOR);
    join.mutable_process()->set_build_id(BuildId());
    JoinReply joined;
    grpc::ClientContext joining, asking;
    EXPECT_TRUE(run->Join(&joining, join, &joined).ok());
    seat_ = joined.seat();
    RunStatus status;
    EXPECT_TRUE(run->GetStatus(&asking, GetStatusRequest(), &status).ok());
    for (const MemberStatus& member : status.members()) {
      if (member.role() == RUN_ROLE_REPLAY) {
        replay_ = ReplayService::NewStub(
            MakeChannel(AddressIn(member.process().listen_address()), PeerRole::kReplay, {}));
      }
    }
  }

  Chunk Honest(uint64_t seq) const {
    Chunk chunk = MakeChunk(spec_, {.actor = seat_.index(),
                                    .epoch = seat_.epoch(),
                                    .seq = seq,
                                    .first_step = seq * 4,
                                    .rows = 4});
    chunk.policy_version.assign(4, 0);
    return chunk;
  }
  // Sends one chunk after the other until the shard will have no more of it; says how it ended.
  grpc::Status SendUntilPutOut(std::vector<Chunk> chunks) {
    grpc::ClientContext context;
    SetDeadline(&context, kCallMax);
    const auto stream = replay_->Insert(&context);
    InsertRequest request;
    request.mutable_hello()->set_run_id(seat_.run_id());
    request.mutable_hello()->set_actor(seat_.index());
    request.mutable_hello()->set_epoch(seat_.epoch());
    request.mutable_hello()->set_seat_signature(seat_.signature());
    InsertReply reply;
    bool open = stream->Write(request) && stream->Read(&reply);
    for (size_t i = 0; open; ++i) {
      Chunk chunk = chunks[i % chunks.size()];
      chunk.seq = reply.next_seq();
      request.Clear();
      EncodeChunk(chunk, request.add_chunks());
      open = stream->Write(request) && stream->Read(&reply);
    }
    stream->WritesDone();
    return stream->Finish();
  }

 private:
  const TableSpec spec_;
  Seat seat_;
  std::unique_ptr<ReplayService::Stub> replay_;
};

// NaN in each column, an infinite one, and versions that nobody has published.
std::vector<Chunk> Nonsense(const HostileActor& actor) {
  std::vector<Chunk> chunks;
  for (const auto column : {&Chunk::observations, &Chunk::actions, &Chunk::rewards}) {
    chunks.push_back(actor.Honest(0));
    (chunks.back().*column)[0] = kNan;
    chunks.push_back(actor.Honest(0));
    (chunks.back().*column)[0] = std::numeric_limits<float>::infinity();
  }
  return chunks;
}

std::vector<Chunk> Versions(const HostileActor& actor) {
  std::vector<Chunk> chunks = {actor.Honest(0)};
  chunks[0].policy_version[3] = std::numeric_limits<uint32_t>::max();
  return chunks;
}

struct Task {
  const char* algorithm;
  TableSpec spec;
};

class HostileActorTest : public ::testing::TestWithParam<Task> {
 protected:
  std::vector<std::string> Flags(const std::string& steps) const {
    std::vector<std::string> flags = {"--env",   "InvertedPendulum-v5",
                                      "--algo",  GetParam().algorithm,
                                      "--seed",  "3",
                                      "--steps", steps,
                                      "--out",   directory_};
    for (const char* set :
         {"policy.hidden=32,32", "learner.critic_hidden=32,32", "observe.eval_every_steps=0",
          "observe.video=false", "observe.log_every_steps=500", "checkpoint.every_steps=500"}) {
      flags.insert(flags.end(), {"--set", set});
    }
    if (GetParam().spec.extra_dim == 0) {
      flags.insert(flags.end(), {"--set", "schedule.start_steps=100", "--set",
                                 "schedule.update_after=100", "--set", "learner.batch_size=32"});
    } else {
      flags.insert(flags.end(),
                   {"--set", "schedule.steps_per_round=256", "--set", "learner.epochs=2"});
    }
    return flags;
  }

  TempDir dir_;
  const std::string directory_ = dir_.File("run");
};

TEST_P(HostileActorTest, TheRunGoesOnSavesAndResumes) {
  {
    Cluster cluster(directory_, Flags("100000000"));
    ASSERT_TRUE(Eventually([&] { return cluster.Updates() > 20; }));
    HostileActor hostile(directory_, GetParam().spec);
    const grpc::Status nonsense = hostile.SendUntilPutOut(Nonsense(hostile));
    EXPECT_THAT(nonsense.error_message(), HasSubstr("is put out"));
    HostileActor liar(directory_, GetParam().spec);
    std::thread lies([&] { (void)liar.SendUntilPutOut(Versions(liar)); });
    const int64_t updates = cluster.Updates();
    EXPECT_TRUE(Eventually([&] { return cluster.Updates() > updates + 50; }));
    cluster.up().Signal(SIGTERM);
    const ProcessResult ended = cluster.up().Wait();
    lies.join();
    EXPECT_EQ(ended.exit_code, 0) << ended.output;
    EXPECT_THAT(*ReadFile(directory_ + "/logs/replay-0.log"), HasSubstr("is NaN or infinite"));
  }
  Cluster resumed(directory_, {"--resume", directory_});
  ASSERT_TRUE(Eventually([&] { return resumed.Updates() > 0; }));
  const int64_t updates = resumed.Updates();
  EXPECT_TRUE(Eventually([&] { return resumed.Updates() > updates + 50; }));
  resumed.up().Signal(SIGTERM);
  const ProcessResult ended = resumed.up().Wait();
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
}

INSTANTIATE_TEST_SUITE_P(Algorithms, HostileActorTest,
                         ::testing::Values(Task{"sac", {.obs_dim = 4, .action_dim = 1}},
                                           Task{"ppo",
                                                {.obs_dim = 4, .action_dim = 1, .extra_dim = 1}}),
                         [](const auto& task) { return std::string(task.param.algorithm); });

}  // namespace
}  // namespace pmoe
