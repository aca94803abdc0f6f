// The data plane in one thread: writers (honest ones, ones that crash, a hostile one), a shard with
// its checkpoints and log on a SimDisk, and a learner. A seed decides who does what when, what the
// transport loses and what breaks. Whoever waits lets the others go on (SimClock). Everything that
// runs is what a cluster runs: InsertWindow, InsertStream, ReplayShard, TableHolder, SegmentLog
// without its thread. SimState says what must be there.
//
// tidy: long because it is one world, whose parts are files: sim_writers.cc, sim_shard.cc, …
//
//   writer -> InsertWindow -> Connection -> InsertStream -> ReplayShard -> SegmentLog -> SimDisk
//   learner -> SetPublished, Sample or TakeRollout, TableHolder::Save, CutActor
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/rng.h"
#include "replay/client/insert_window.h"
#include "replay/service/insert_stream.h"
#include "replay/service/table_holder.h"
#include "tests/replay/simulation/sim_clock.h"
#include "tests/replay/simulation/sim_disk.h"
#include "tests/replay/simulation/sim_model.h"

namespace pmoe {

inline constexpr int64_t kSimRolloutRows = 24;
inline constexpr int kSimBatch = 8;

struct SimResult {
  std::string failure{};  // empty: all held
  std::vector<std::string> trace{};
  std::map<std::string, int64_t> seen{};  // how often what happened
};

class Simulation {
 public:
  Simulation(uint64_t seed, bool trace);
  ~Simulation();
  SimResult Run();

 private:
  // What the seed has chosen for the whole run.
  struct Plan {
    Durability durability = DURABILITY_NONE;
    bool on_policy = false;
    bool limited = false;
    bool evicts = false;  // the table is too small for all rows
    bool hostile = false;
    bool breaks = false;  // the disk returns errors
    // Then it may become full, and else syncs may fail: what a failed sync has lost, a restart
    // mends only where it has room.
    bool fills = false;
    bool flips = false;     // bits change on it
    bool set_back = false;  // the learner goes back to a named checkpoint
    int events = 0;
  };
  // One Insert call, at both ends.
  struct Connection;
  struct Writer {
    uint32_t actor = 0;
    uint32_t epoch = 0;
    bool hostile = false;
    bool alive = true;
    std::unique_ptr<InsertWindow> window{};
    std::vector<uint64_t> next_step{};  // by env
    std::shared_ptr<Connection> connection{};
  };

  // simulation.cc: time and events.
  CreateTableRequest TableRequest() const;
  uint64_t Draw(uint64_t n) { return rng_.UniformInt(n); }
  bool Chance(int percent) { return Draw(100) < static_cast<uint64_t>(percent); }
  template <typename... Parts>
  void Say(const Parts&... parts);
  void Fail(std::string what);
  bool failed() const { return !result_.failure.empty(); }
  bool up() const { return holder_ != nullptr && !disk_.dead(); }
  void Event();
  void RareEvent();
  void DiskEvent();
  void NestedEvent();
  void Yield(Clock::Time until);
  void Finish();
  void Drain();
  void Heal();

  // sim_writers.cc: writers, and what they send.
  void BeginLife(Writer* writer);
  void Write(Writer* writer, uint32_t env, uint32_t rows);
  Chunk Spoil(Chunk chunk);
  void Connect(Writer* writer);
  void Send(Writer* writer);
  void CutStream(Writer* writer);
  void Crash(Writer* writer);
  bool DeliverRequest(std::shared_ptr<Connection> connection);
  void Receive(Connection* connection, const InsertRequest& request);
  bool DeliverReply(Writer* writer);
  void EvictOlder(const Connection& newer);
  std::shared_ptr<Connection> AnyWithRequest();
  Writer* AnyWriter() { return &writers_[Draw(writers_.size())]; }
  // Writes down what of the request under way has entered by now.
  void Record(Connection* connection);
  void OnAcked(const LifeName& life, uint64_t next_seq);

  // sim_shard.cc: the shard's process.
  absl::Status CreateTable(const std::string& restore);
  void FindPosition(const std::string& restored);
  void Start();
  void Stop(bool in_order);
  void Kill(bool power_lost);
  void Recovered(const std::string& restored);
  std::vector<const Timeline*> AllTimelines() const;
  bool LogFailed() const;
  uint64_t NextSave() const;
  uint64_t NumberOf(const std::string& name) const;
  void AddOp(SimOp op);
  void Adopt(Timeline timeline);
  uint64_t End() const;

  // sim_learner.cc
  void Learn();
  void Speak();
  void Sample();
  void TakeRollout();
  void Checkpoint();
  void SaveAside();
  void SetBack();

  // sim_checks.cc
  bool Matches(const Timeline& timeline, std::string* why);
  void CheckPromise(const Timeline& before, const Timeline& after, const std::string& restored);
  int TablesFlipped() const;
  int SoundTables() const;
  std::string CompareRows(const SimState& state);
  void CheckShard();
  std::vector<RowName> CheckRollout(const Rollout& rollout);

  Rng rng_;
  const bool trace_;
  SimDisk disk_;
  SimClock clock_;
  Plan plan_;
  SimResult result_;
  int depth_ = 0;         // of events within waits
  bool in_turn_ = false;  // the log is being written
  bool quiet_ = false;    // nothing else may happen meanwhile
  bool ending_ = false;   // nothing breaks any more

  std::vector<Writer> writers_;
  std::vector<std::shared_ptr<Connection>> connections_;  // at the shard
  std::vector<Connection*> serving_;                      // within each other
  Sent sent_;
  std::map<RowName, SimRow> rows_;  // that make sense

  std::unique_ptr<TableHolder> holder_;
  int64_t segment_bytes_ = 0;
  bool ready_ = false;                   // the learner has its table
  std::optional<std::string> restored_;  // by the last CreateTable
  uint64_t position_ = 0;                // of the log, that it was restored up to
  Timeline timeline_;
  SimState state_;              // after it
  std::vector<Timeline> past_;  // that another one took the place of
  int64_t refused_ = 0;
  int64_t sampled_ = 0;
  int64_t most_sampled_ = 0;
  std::map<uint64_t, Timeline> saved_;  // by the number of the save
  std::vector<std::string> kept_;       // names of checkpoints, newest last
  std::string newest_;                  // surely on disk
  std::set<std::string> maybe_;         // perhaps, since then
  bool set_back_under_way_ = false;
  std::string set_back_to_;
  // Since the shard last started.
  bool log_flipped_ = false;
  bool log_errors_ = false;
  std::optional<Clock::Time> log_failed_at_;  // last
  bool log_ever_flipped_ = false;
  std::set<std::string> flipped_;  // names of tables
  // A checkpoint was ahead of the log: one before it needs records that were never written.
  bool gap_ = false;

  uint32_t version_ = 1;
  RolloutTicket ticket_{1, 1};  // asked for next
  int saves_ = 0;
};

// Of one seed.
SimResult RunSimulation(uint64_t seed, bool trace);

template <typename... Parts>
void Simulation::Say(const Parts&... parts) {
  if (trace_) result_.trace.push_back(absl::StrCat(parts...));
}

}  // namespace pmoe
