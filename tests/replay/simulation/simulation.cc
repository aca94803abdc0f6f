#include "tests/replay/simulation/simulation.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/log.h"
#include "tests/replay/simulation/sim_connection.h"

namespace pmoe {
namespace {

using std::chrono::milliseconds;

constexpr int kNestedMax = 3;
constexpr uint32_t kWriters = 3;

}  // namespace

Simulation::Simulation(uint64_t seed, bool trace)
    : rng_(seed, RngRole::kReplay, 200), trace_(trace), disk_(seed) {
  constexpr Durability kDurabilities[] = {DURABILITY_NONE, DURABILITY_ASYNC, DURABILITY_WAL,
                                          DURABILITY_WAL};
  plan_ = {.durability = kDurabilities[Draw(4)],
           .on_policy = Chance(35),
           .limited = Chance(40),
           .evicts = Chance(15),
           .hostile = Chance(25),
           .breaks = Chance(40),
           .fills = Chance(50),
           .flips = Chance(35),
           .set_back = Chance(20),
           .events = 100 + static_cast<int>(Draw(300))};
  if (plan_.on_policy) plan_.evicts = false;
  // The log does not tell that a table was set back: only the checkpoint made then does.
  if (plan_.set_back) plan_.flips = false;
  segment_bytes_ = 200 + static_cast<int64_t>(Draw(Chance(50) ? 600 : 6000));
  clock_.wait = [this](Clock::Time until) { Yield(until); };
  disk_.slow = [this] {
    const Clock::Time until = clock_.Now() + milliseconds(Chance(3) ? Draw(3000) : Draw(20));
    do {
      Yield(until);
    } while (clock_.Now() < until);
  };
  for (uint32_t actor = 0; actor < kWriters + (plan_.hostile ? 1 : 0); ++actor) {
    writers_.push_back({.actor = actor, .hostile = actor == kWriters});
    BeginLife(&writers_.back());
  }
  Say("durability ", Durability_Name(plan_.durability), plan_.on_policy ? ", on-policy" : "",
      plan_.limited ? ", limited" : "", plan_.evicts ? ", evicts" : "",
      plan_.hostile ? ", hostile" : "", plan_.breaks ? ", breaks" : "",
      plan_.flips ? ", flips" : "");
}

Simulation::~Simulation() {
  disk_.Kill();
  Stop(/*in_order=*/false);
}

void Simulation::Fail(std::string what) {
  Say("FAILED: ", what);
  if (!failed()) result_.failure = std::move(what);
}

SimResult Simulation::Run() {
  Start();
  for (int i = 0; i < plan_.events && !failed(); ++i) Event();
  if (!failed()) Finish();
  return std::move(result_);
}

// Whoever waits, for the disk too, lets the others go on.
void Simulation::Yield(Clock::Time until) {
  if (quiet_ || disk_.dead() || failed()) {
    SegmentLog* const log = holder_ == nullptr ? nullptr : holder_->log();
    if (quiet_ && log != nullptr && !std::exchange(in_turn_, true)) {
      log->Turn();
      in_turn_ = false;
    }
    if (until > clock_.Now()) clock_.Advance(until - clock_.Now());
    return;
  }
  if (!serving_.empty()) Record(serving_.back());
  const Clock::Duration most = std::max(until - clock_.Now(), Clock::Duration(0));
  clock_.Advance(std::min<Clock::Duration>(most, milliseconds(1 + Draw(100))));
  SegmentLog* const log = holder_ == nullptr ? nullptr : holder_->log();
  if (log != nullptr && !std::exchange(in_turn_, true)) {
    log->Turn();
    in_turn_ = false;
    if (LogFailed()) log_failed_at_ = clock_.Now();
  }
  if (depth_ >= kNestedMax || Chance(40)) return;
  ++depth_;
  NestedEvent();
  --depth_;
}

void Simulation::NestedEvent() {
  const uint64_t draw = ending_ ? 30 + Draw(45) : Draw(100);
  if (draw < 30) {
    Write(AnyWriter(), static_cast<uint32_t>(Draw(2)), 1 + static_cast<uint32_t>(Draw(8)));
  } else if (draw < 60) {
    DeliverRequest(AnyWithRequest());
  } else if (draw < 75) {
    DeliverReply(AnyWriter());
  } else if (draw < 78) {
    CutStream(AnyWriter());
  } else if (draw < 90) {
    Speak();
    if (!plan_.on_policy && up() && ready_) Sample();
  } else if (draw == 90 && Chance(10)) {
    Say("the shard is killed while somebody waits");
    disk_.Kill();
  }
}

void Simulation::Event() {
  if (disk_.dead()) return Kill(/*power_lost=*/Chance(40));
  if (holder_ == nullptr || !ready_) {
    if (Chance(50)) return set_back_to_.empty() || holder_ == nullptr ? Start() : SetBack();
    return DiskEvent();
  }
  clock_.Advance(milliseconds(Draw(10) == 0 ? Draw(400) : Draw(10)));
  if (SegmentLog* const log = holder_->log(); log != nullptr && Chance(60)) {
    in_turn_ = true;
    log->Turn();
    in_turn_ = false;
  }
  if (!up()) return;
  Writer* const writer = AnyWriter();
  const uint64_t draw = Draw(100);
  if (draw < 30) {
    const uint32_t rows = 1 + static_cast<uint32_t>(Chance(10) ? Draw(64) : Draw(8));
    Write(writer, static_cast<uint32_t>(Draw(2)), rows);
    Send(writer);
  } else if (draw < 60) {
    DeliverRequest(AnyWithRequest());
  } else if (draw < 75) {
    DeliverReply(writer);
  } else if (draw < 85) {
    Connect(writer);
  } else if (draw < 93) {
    Learn();
  } else {
    RareEvent();
  }
}

void Simulation::RareEvent() {
  Writer* const writer = AnyWriter();
  const uint64_t draw = Draw(100);
  if (draw < 25) {
    CutStream(writer);
  } else if (draw < 35) {
    if (writer->alive) {
      Crash(writer);
    } else {
      ++writer->epoch;
      BeginLife(writer);
    }
  } else if (draw < 43) {
    if (writer->alive && Chance(70)) return;
    holder_->shard()->CutActor(0, writer->actor, writer->epoch);
    AddOp({.kind = SimOp::kCut, .life = {writer->actor, writer->epoch}});
  } else if (draw < 60) {
    Chance(80) ? Checkpoint() : SaveAside();
  } else if (draw < 64) {
    CheckShard();
  } else if (draw < 66 && plan_.set_back) {
    SetBack();
  } else {
    DiskEvent();
  }
}

void Simulation::DiskEvent() {
  const uint64_t draw = Draw(100);
  if (draw < 20) {
    disk_.KillWithin(static_cast<int>(Draw(12)));
  } else if (draw < 40) {
    if (holder_ == nullptr) return;
    Kill(/*power_lost=*/Chance(40));
  } else if (draw < 48) {
    if (!up() || !ready_) return;
    Stop(/*in_order=*/true);
    ++result_.seen["ends in order"];
  } else if (draw < 75) {
    if (!plan_.breaks) return;
    const bool was = disk_.faults.full || disk_.faults.name > 0;
    disk_.faults = {};
    if (was) return;
    ++result_.seen["times that the disk breaks"];
    const bool full = plan_.fills && Chance(60);
    disk_.faults = {.full = full,
                    .write = Chance(50) ? 0.3 : 0.0,
                    .sync = !plan_.fills && Chance(60) ? 0.3 : 0.0,
                    .name = 0.2};
  } else if (draw < 95 && plan_.flips && (holder_ == nullptr || Chance(50))) {
    if (holder_ != nullptr) Kill(/*power_lost=*/Chance(40));
    const bool log = Chance(30);
    const std::string name = disk_.FlipBit(log ? ".log" : ".table");
    if (name.empty()) return;
    Say("a bit of ", name, " is flipped");
    ++result_.seen[log ? "bits flipped in logs" : "bits flipped in tables"];
    if (log) {
      log_flipped_ = log_ever_flipped_ = true;
      return;
    }
    flipped_.insert(name);
  }
}

void Simulation::Heal() {
  disk_.faults = {};
  for (int i = 0; i < 10 && !failed(); ++i) {
    if (disk_.dead()) Kill(/*power_lost=*/false);
    disk_.KillWithin(-1);
    if (ready_ && up()) return;
    set_back_to_.empty() || holder_ == nullptr ? Start() : SetBack();
  }
  if (!failed() && !(ready_ && up())) Fail("a sound disk is of no use any more");
}

// Everything that writers hold gets in.
void Simulation::Drain() {
  for (int i = 0; i < 3000 && !failed(); ++i) {
    bool held = false;
    for (Writer& writer : writers_) {
      if (!writer.alive) continue;
      held = held || writer.window->held() > 0;
      Connect(&writer);
      while (DeliverReply(&writer)) {
      }
      Send(&writer);
    }
    if (!held) return;
    if (!DeliverRequest(AnyWithRequest())) clock_.Advance(milliseconds(10));
    if (i % 2 == 0) Learn();
    if (i % 10 != 9 || !plan_.on_policy) continue;
    for (Writer& writer : writers_) {  // a rollout needs rows of all
      if (!writer.alive || writer.window->held() > 0) continue;
      for (uint32_t env = 0; env < 2; ++env) Write(&writer, env, 4);
    }
  }
  for (const auto& connection : connections_) {
    Say("  stream of ", connection->life.first, "/", connection->life.second, ": ",
        connection->to_shard.size(), " requests, ", connection->to_writer.size(), " replies",
        connection->begun ? ", begun" : "", connection->cut ? ", cut" : "",
        connection->evicted ? ", evicted" : "", connection->busy ? ", busy" : "");
  }
  for (const Writer& writer : writers_) {
    if (!writer.alive) continue;
    Say("  writer ", writer.actor, " holds ", writer.window->held(), " chunks",
        writer.window->can_send() ? ", can send" : "",
        writer.connection == nullptr ? ", not connected" : "");
  }
  Say("  ", up() && ready_ ? holder_->shard()->Explain() : "the shard is down");
  Fail("writers do not get rid of their rows");
}

void Simulation::Finish() {
  Say("the end begins");
  ending_ = true;
  Heal();
  // What a dead writer has sent may come after its actor was cut, which then seems to live.
  for (const auto& connection : connections_) {
    if (connection->cut) connection->to_shard.clear();
  }
  for (Writer& writer : writers_) {
    if (writer.hostile && writer.alive) {
      Crash(&writer);
      for (const auto& connection : connections_) {
        if (connection->life.first == writer.actor) connection->to_shard.clear();
      }
    }
    if (!writer.alive && up()) {
      holder_->shard()->CutActor(0, writer.actor, writer.epoch);
      AddOp({.kind = SimOp::kCut, .life = {writer.actor, writer.epoch}});
    }
  }
  Drain();
  for (Writer& writer : writers_) {
    for (uint32_t env = 0; writer.alive && env < 2; ++env) Write(&writer, env, 1);
  }
  if (!failed()) Drain();
  CheckShard();
  if (failed()) return;
  Chance(50) ? Stop(/*in_order=*/true) : Kill(Chance(50));
  Heal();
}

SimResult RunSimulation(uint64_t seed, bool trace) {
  Logger::SetThreadQuiet(true);
  SimResult result = Simulation(seed, trace).Run();
  Logger::SetThreadQuiet(false);
  return result;
}

}  // namespace pmoe
