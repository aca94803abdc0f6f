// Sequences of consecutive rows, for learners with a memory: what one is, and does one that came
// from elsewhere make sense? Pure functions.
//
// Any row that the table's selector can give can be the first one, whatever comes behind it, so
// that every request may ask for another length T, and an episode's last rows are first ones as
// often as others. From there on come the next rows of the stream, up to T of them, and none behind
//   - a row that terminated or was truncated: a sequence is of one episode;
//   - a row behind which the stream was cut, or that is the newest;
//   - a row whose next one is gone: it was spent (LimitedSelector), or made no sense.
// Nothing evicted can be among them: pages go oldest first, so that a row goes before its
// successors. A shorter sequence is filled up with zeros. Rewards and discounts are of one step,
// whatever the table's n_step: a row's reward is its own, its discount gamma or 0, its next_obs the
// successor's.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "replay/core/minibatch.h"

namespace pmoe {

// Why no row follows: of a sequence's last row, 0 where it is the T'th and the stream goes on.
// Never of another row.
enum SequenceFlag : uint8_t {
  kSequenceTerminated = 1,  // nothing is to be expected behind next_obs: the discount is 0
  kSequenceTruncated = 2,   // the episode's end, by time; both may be true
  kSequenceCut = 4,         // neither, but the table has no next row to give, now or for ever
};

// Are the sequences [first, first + count) such: lengths, flags and discounts that fit together,
// zeros behind them? DataLossError says what is wrong.
absl::Status CheckSequences(const Minibatch& batch, int first, int count);

}  // namespace pmoe
