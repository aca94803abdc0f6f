// Feeds what a shard answers a writer, which must send each of its chunks in order and only what it
// has. The input: replies, each after its length in one byte; between two of them the writer makes
// a chunk and sends what it may. A length of 0 is a new stream.
#include <cstdint>

#include "proto/replay.pb.h"
#include "replay/client/insert_window.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  pmoe::InsertWindow window;
  window.OnConnect();
  uint64_t rows = 0;
  for (size_t at = 0; at < size;) {
    if (window.held() < 4) {
      window.Push({.seq = window.next_seq(), .rows = 1});
      ++rows;
    }
    const size_t length = std::min<size_t>(data[at], size - at - 1);
    pmoe::InsertReply reply;
    const bool parsed = reply.ParseFromArray(data + at + 1, static_cast<int>(length));
    at += 1 + length;
    if (length == 0) window.OnConnect();
    if (!parsed || length == 0) continue;
    if (!window.OnReply(reply).ok()) window.OnConnect();
    while (window.can_send()) {
      const uint64_t seq = window.TakeNext().seq;
      if (seq < window.first_seq_held() || seq >= window.next_seq()) __builtin_trap();
    }
    if (window.rows_acked() + window.chunks_refused() + window.held() != rows) __builtin_trap();
  }
  return 0;
}
