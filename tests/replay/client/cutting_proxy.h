// A unix socket in front of another one, which cuts every connection after some thousand bytes, in
// the middle of whatever is on it. Owns its thread; Connections: any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <string>
#include <thread>

#include "common/base/rng.h"

namespace pmoe {

class CuttingProxy {
 public:
  // A connection carries at least bytes_min and less than twice as many, in both directions
  // together.
  CuttingProxy(const std::string& listen_path, std::string target_path, uint64_t seed,
               uint64_t bytes_min);
  ~CuttingProxy();

  int connections() const { return connections_; }

 private:
  struct Connection {
    int client;
    int server;
    uint64_t bytes_left;
  };

  void Loop();
  void Admit();
  // False: the connection is over.
  static bool Forward(int from, int to, uint64_t* bytes_left);

  const std::string target_path_;
  const uint64_t bytes_min_;
  Rng rng_;
  int listener_;
  int stop_[2];  // a pipe that wakes the thread
  std::atomic<int> connections_{0};
  std::list<Connection> open_;
  std::thread thread_;
};

}  // namespace pmoe
