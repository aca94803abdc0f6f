// Does this machine's clock agree with the learner's? Training does not depend on it (ages and
// rates are taken on one machine's monotonic clock), but certificates and log times do.
#pragma once

#include <string>

namespace pmoe {

inline constexpr double kSkewMax_s = 5.0;

// Seconds since 1970.
double UnixTime();

// What to tell the user; empty: the clocks agree within kSkewMax_s. `theirs_s` was read by the peer
// between our `asked_s` and `answered_s`, so the time a slow call took is not mistaken for skew. A
// peer that does not tell its time (0) is believed.
std::string ClockSkew(double asked_s, double theirs_s, double answered_s);

}  // namespace pmoe
