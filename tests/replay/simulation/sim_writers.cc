// The writers of a Simulation, and what comes of what they send.
#include <limits>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "replay/wire/chunk_codec.h"
#include "tests/replay/simulation/sim_connection.h"

namespace pmoe {
namespace {

constexpr size_t kWindow = 6;  // chunks
constexpr uint32_t kEnvs = 2;

// As it travels.
grpc::Slice Serialise(const InsertRequest& request) {
  const std::string bytes = request.SerializeAsString();
  return grpc::Slice(bytes);
}

// What a damaged wire makes of it.
void FlipColumnBit(Rng* rng, ChunkMessage* message) {
  std::string* const columns[] = {message->mutable_observations(), message->mutable_actions(),
                                  message->mutable_rewards(), message->mutable_policy_version()};
  std::string* const column = columns[rng->UniformInt(4)];
  const size_t bit = rng->UniformInt(8 * column->size());
  (*column)[bit / 8] ^= static_cast<char>(1 << (bit % 8));
}

}  // namespace

void Simulation::BeginLife(Writer* writer) {
  writer->alive = true;
  writer->window = std::make_unique<InsertWindow>();
  writer->next_step.assign(kEnvs, 0);
  writer->connection = nullptr;
  sent_[{writer->actor, writer->epoch}];
}

void Simulation::Write(Writer* writer, uint32_t env, uint32_t rows) {
  if (!writer->alive || writer->window->held() >= kWindow) return;
  if (plan_
          .on_policy) {  // actors step all environments, and a rollout takes an equal share of each
    env = writer->next_step[0] <= writer->next_step[1] ? 0 : 1;
    rows = std::min(rows, 4u);
  }
  const uint64_t seq = writer->window->next_seq();
  const LifeName life{writer->actor, writer->epoch};
  SentChunk sent;
  for (uint32_t i = 0; i < rows; ++i) {
    SimRow row{.name = {writer->actor, writer->epoch, env, writer->next_step[env]++},
               .version = version_ - (version_ > 1 && Chance(20) ? 1 : 0)};
    if (i + 1 == rows && Chance(20)) (Chance(50) ? row.terminated : row.truncated) = true;
    sent.rows.push_back(row);
  }
  Chunk chunk = ChunkOf(seq, sent.rows);
  const bool spoilt = writer->hostile && Chance(30);
  if (spoilt) chunk = Spoil(std::move(chunk));
  sent.spoilt = spoilt;
  if (!spoilt) {
    for (const SimRow& row : sent.rows) rows_[row.name] = row;
  }
  InsertRequest request;
  EncodeChunk(chunk, request.add_chunks());
  writer->window->Push({seq, rows, Serialise(request)});
  Say("writer ", life.first, "/", life.second, " makes chunk ", seq, ": env ", env, " steps ",
      sent.rows.front().name.step, " to ", sent.rows.back().name.step, spoilt ? ", spoilt" : "");
  sent_[life].chunks.push_back(std::move(sent));
}

// Each makes it a chunk that no shard may take.
Chunk Simulation::Spoil(Chunk chunk) {
  switch (Draw(7)) {
    case 0:
      chunk.rewards[0] = std::numeric_limits<float>::quiet_NaN();
      break;
    case 1:
      chunk.actions.pop_back();
      break;
    case 2:
      chunk.terminated[0] = 7;
      break;
    case 3:
      chunk.policy_version[0] = version_ + 100'000;
      break;
    case 4:
      chunk.env = kEnvsMax;
      break;
    case 5:
      chunk.first_step = kStepsMax + 1;
      break;
    case 6:
      chunk.observations[1] = std::numeric_limits<float>::infinity();
      break;
  }
  return chunk;
}

void Simulation::Connect(Writer* writer) {
  if (!writer->alive || writer->connection != nullptr || writer->window->held() == 0 || !up() ||
      !holder_->Shard().ok()) {
    return;
  }
  if (!ready_) return Fail("a writer is let in before the table is restored");
  auto connection = std::make_shared<Connection>();
  connection->life = {writer->actor, writer->epoch};
  writer->window->OnConnect();
  connection->hello.set_actor(writer->actor);
  connection->hello.set_epoch(writer->epoch);
  connection->hello.set_first_seq_held(writer->window->first_seq_held());
  connection->hello.set_rows_acked(writer->window->rows_acked());
  InsertRequest first;
  *first.mutable_hello() = connection->hello;
  connection->to_shard.push_back(std::move(first));
  writer->connection = connection;
  connections_.push_back(connection);
  Say("writer ", writer->actor, "/", writer->epoch, " connects, holds chunks from ",
      writer->window->first_seq_held());
}

void Simulation::Send(Writer* writer) {
  Connection* const connection = writer->connection.get();
  if (connection == nullptr || connection->cut) return;
  const uint64_t most = writer->hostile ? 1 : 1 + Draw(3);  // chunks of a message
  InsertRequest request;
  for (uint64_t n = 0; n < most && writer->window->can_send(); ++n) {
    const grpc::Slice& slice = writer->window->TakeNext().request;
    request.MergeFromString({reinterpret_cast<const char*>(slice.begin()), slice.size()});
  }
  if (request.chunks_size() == 0) return;
  if (!ending_ && Chance(1)) {
    FlipColumnBit(&rng_, request.mutable_chunks(0));
    ++result_.seen["bits that the wire flipped"];
  }
  connection->to_shard.push_back(std::move(request));
}

void Simulation::CutStream(Writer* writer) {
  if (writer->connection == nullptr) return;
  Say("the stream of ", writer->actor, "/", writer->epoch, " is cut");
  ++result_.seen["streams cut"];
  Connection* const connection = writer->connection.get();
  connection->to_writer.clear();
  // What has arrived may still be served, after the writer has come back.
  if (Chance(50)) connection->to_shard.clear();
  connection->cut = true;
  writer->connection = nullptr;
}

void Simulation::Crash(Writer* writer) {
  Say("writer ", writer->actor, "/", writer->epoch, " crashes");
  ++result_.seen["writers crashed"];
  CutStream(writer);
  writer->alive = false;
  writer->window = nullptr;
}

std::shared_ptr<Simulation::Connection> Simulation::AnyWithRequest() {
  std::erase_if(connections_, [](const auto& connection) {
    return !connection->busy && connection->to_shard.empty() &&
           (connection->cut || connection->evicted);
  });
  std::vector<std::shared_ptr<Connection>> some;
  for (const auto& connection : connections_) {
    if (!connection->busy && !connection->to_shard.empty()) some.push_back(connection);
  }
  return some.empty() ? nullptr : some[Draw(some.size())];
}

// As InsertStreams::Enter: the older stream's reads end, and it serves at most what it has read.
void Simulation::EvictOlder(const Connection& newer) {
  for (const auto& older : connections_) {
    if (older.get() == &newer || older->life.first != newer.life.first) continue;
    if (older->life.second > newer.life.second) continue;
    older->evicted = older->cut = true;
    for (Writer& writer : writers_) {  // which learns it
      if (writer.connection == older) writer.connection = nullptr;
    }
    const size_t read = older->begun && Chance(50) ? 1 : 0;
    if (older->to_shard.size() > read) older->to_shard.resize(read);
  }
}

bool Simulation::DeliverRequest(std::shared_ptr<Connection> connection) {
  if (connection == nullptr || !up() || !holder_->Shard().ok()) return false;
  connection->request = std::move(connection->to_shard.front());
  connection->to_shard.pop_front();
  connection->recorded = connection->asked = 0;
  connection->busy = true;
  serving_.push_back(connection.get());
  const InsertRequest request = connection->request;
  Receive(connection.get(), request);
  serving_.pop_back();
  connection->busy = false;
  return true;
}

void Simulation::Receive(Connection* connection, const InsertRequest& request) {
  if (connection->stream == nullptr) {
    EvictOlder(*connection);
    ReplayShard* const shard = *holder_->Shard();
    SegmentLog* const log = holder_->log();
    const auto gone = [=, this] {
      const int most = in_turn_ || depth_ > 1 ? 2 : 150;
      return disk_.dead() || connection->cut || connection->evicted || failed() ||
             ++connection->asked > most;
    };
    const auto await_ack = [=, this]() -> absl::Status {
      Record(connection);
      // And not what a newer stream of the same writer adds meanwhile.
      const uint64_t next_seq = state_.lives[connection->life].next_seq;
      PMOE_RETURN_IF_ERROR(log == nullptr ? absl::OkStatus() : log->AwaitAck(gone));
      if (disk_.dead()) return absl::CancelledError("killed");
      OnAcked(connection->life, next_seq);
      return absl::OkStatus();
    };
    connection->stream = std::make_unique<InsertStream>(
        shard,
        InsertStream::Options{.gone = gone,
                              .draining = [] { return false; },
                              .on_bad_crc = [] {},
                              .on_nonsense = [](const absl::Status&) { return absl::OkStatus(); },
                              .await_ack = await_ack},
        connection);
  }
  absl::Status status;
  if (!connection->begun) {
    status = connection->stream->Begin(request.hello());
    if (status.ok()) {
      connection->begun = true;
      AddOp({.kind = SimOp::kHello,
             .life = connection->life,
             .seq = request.hello().first_seq_held()});
    }
  }
  if (status.ok()) status = connection->stream->Take(request);
  if (disk_.dead() || failed()) return;
  Record(connection);
  if (status.ok()) return;
  Say("the stream of ", connection->life.first, "/", connection->life.second,
      " ends: ", status.ToString());
  // Which ends a writer: only one whose life is over may hear it.
  const bool is_over = connection->cut || connection->evicted ||
                       state_.epochs[connection->life.first] > connection->life.second;
  if (absl::IsFailedPrecondition(status) && !is_over) {
    return Fail(absl::StrCat("an honest writer is refused: ", status.message()));
  }
  connection->cut = true;
  connection->to_shard.clear();
  for (Writer& writer : writers_) {
    if (writer.connection.get() == connection) writer.connection = nullptr;
  }
}

void Simulation::Record(Connection* connection) {
  if (!up() || failed() || !connection->begun) return;
  const ShardStats stats = (*holder_->Shard())->Stats();
  int64_t rows = stats.inserted - state_.inserted;
  int64_t refused = stats.refused - refused_;
  std::vector<SimOp> ops;
  uint64_t next_seq = state_.lives[connection->life].next_seq;
  for (; connection->recorded < connection->request.chunks_size(); ++connection->recorded) {
    const ChunkMessage& chunk = connection->request.chunks(connection->recorded);
    if (chunk.seq() < next_seq) continue;  // it came before
    const bool spoilt = sent_.at(connection->life).chunks.at(chunk.seq()).spoilt;
    if (spoilt ? refused == 0 : rows < chunk.rows()) break;
    (spoilt ? refused : rows) -= spoilt ? 1 : chunk.rows();
    refused_ += spoilt;
    next_seq = chunk.seq() + 1;
    ops.push_back({.kind = spoilt ? SimOp::kRefused : SimOp::kChunk,
                   .life = connection->life,
                   .seq = chunk.seq()});
    ++result_.seen[spoilt ? "chunks refused" : "chunks entered"];
  }
  if (rows != 0 || refused != 0) {
    return Fail(absl::StrCat(rows, " rows entered and ", refused,
                             " chunks were refused that nobody sent now"));
  }
  const uint64_t end = End();
  for (size_t i = 0; i < ops.size(); ++i) {
    ops[i].end = end - (ops.size() - 1 - i);
    AddOp(ops[i]);
  }
}

void Simulation::OnAcked(const LifeName& life, uint64_t next_seq) {
  for (auto op = timeline_.rbegin(); op != timeline_.rend(); ++op) {
    if ((*op)->life != life || (*op)->kind == SimOp::kTaken) continue;
    if ((*op)->acked.has_value()) break;
    if ((*op)->seq < next_seq) (*op)->acked = clock_.Now();
  }
}

bool Simulation::DeliverReply(Writer* writer) {
  Connection* const connection = writer->connection.get();
  if (connection == nullptr || connection->to_writer.empty()) return false;
  const InsertReply reply = connection->to_writer.front();
  connection->to_writer.pop_front();
  const absl::Status status = writer->window->OnReply(reply);
  if (!status.ok()) {
    Fail(absl::StrCat("writer ", writer->actor, "/", writer->epoch, ": ", status.ToString()));
  }
  Send(writer);
  return true;
}

}  // namespace pmoe
