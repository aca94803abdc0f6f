// The video that a training leaves at its end: the best policy at work, small and short.
#pragma once

#include <atomic>
#include <string>

namespace pmoe {

// Draws RUN/videos/best.mp4 as `pmoe play` does and prints where it is, or why there is none; the
// training is done either way. Beside it a small best.gif, which TensorBoard shows as eval/video.
// Gives up when `interrupted`. Nobody else writes to the run any more.
void WriteEndVideo(const std::string& run_directory, const std::atomic<bool>& interrupted);

}  // namespace pmoe
