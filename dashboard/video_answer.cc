#include "dashboard/video_answer.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "dashboard/run_details.h"

namespace pmoe {
namespace {

constexpr int kPartial = 206, kNotFound = 404, kTooLarge = 413, kNoSuchRange = 416;

struct ByteRange {
  int64_t first = 0;
  int64_t count = kVideoPieceBytes;
};

std::optional<ByteRange> ParseRange(absl::string_view text) {
  ByteRange range;
  if (!absl::ConsumePrefix(&text, "bytes=")) return std::nullopt;
  const size_t dash = text.find('-');
  if (dash == absl::string_view::npos) return std::nullopt;
  const absl::string_view last_text = text.substr(dash + 1);
  if (!absl::SimpleAtoi(text.substr(0, dash), &range.first) || range.first < 0) {
    return std::nullopt;
  }
  if (last_text.empty()) return range;
  int64_t last = 0;
  if (!absl::SimpleAtoi(last_text, &last) || last < range.first) return std::nullopt;
  range.count = std::min(last - range.first, kVideoPieceBytes - 1) + 1;
  return range;
}

HttpAnswer NoVideo(int status, std::string text) {
  HttpAnswer answer;
  answer.status = status;
  answer.body = std::move(text) + "\n";
  return answer;
}

}  // namespace

HttpAnswer VideoAnswer(const std::string& directory, absl::string_view name,
                       absl::string_view range_text) {
  const std::optional<ByteRange> range = ParseRange(range_text);
  const ByteRange wanted = range.value_or(ByteRange{0, kVideoBytesMax});
  std::optional<VideoPiece> piece = ReadVideo(directory, name, wanted.first, wanted.count);
  if (!piece.has_value()) {
    return range.has_value() && wanted.first > 0
               ? NoVideo(kNoSuchRange, "the video ends before that")
               : NoVideo(kNotFound, "the run has no such video");
  }
  const auto count = static_cast<int64_t>(piece->bytes.size());
  if (!range.has_value() && count < piece->total) {
    return NoVideo(kTooLarge, absl::StrCat("the video has ", piece->total,
                                           " bytes; ask for pieces with the header Range"));
  }
  HttpAnswer answer;
  answer.type = "video/mp4";
  answer.body = std::move(piece->bytes);
  answer.headers = {{"Accept-Ranges", "bytes"}};
  if (!range.has_value()) return answer;
  answer.status = kPartial;
  answer.headers.emplace_back(
      "Content-Range",
      absl::StrCat("bytes ", wanted.first, "-", wanted.first + count - 1, "/", piece->total));
  return answer;
}

}  // namespace pmoe
