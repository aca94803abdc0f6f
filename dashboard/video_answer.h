// A run's video as browsers want it: in pieces, by the header Range, so that none has to be held
// whole. Free function.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "common/http/http_message.h"

namespace pmoe {

// A piece has at most so many bytes; a browser asks for the next one.
inline constexpr int64_t kVideoPieceBytes = 1 << 20;
// A whole video, for who asks without Range, which no browser does; it is held in memory, so that a
// larger one has to be asked for in pieces.
inline constexpr int64_t kVideoBytesMax = 2 << 20;

// 206 with a piece, 200 with the whole; 404: the run has no video of that name; 416: the range lies
// behind its end; 413: larger than kVideoBytesMax and no range. A range that is not "bytes=A-" or
// "bytes=A-B" counts as none.
HttpAnswer VideoAnswer(const std::string& directory, absl::string_view name,
                       absl::string_view range);

}  // namespace pmoe
