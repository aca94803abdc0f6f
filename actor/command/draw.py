"""Pictures of what `pmoe play` plays, to a video or numbered PNG files through ffmpeg.

Read from standard input, as actor/command/drawing.cc writes it: a line of JSON with the options, a
model's bytes (none: TargetReaching's arena, seen from above), then a line of JSON for each frame;
of an environment that draws itself, its picture follows that.
Exit code 2 and a line on standard error for what the user can mend.
"""
import ctypes
import glob
import json
import math
import os
import signal
import subprocess
import sys

NOTHING_DRAWS = ("nothing here can draw: no GPU with EGL, and Mesa's software renderer is not "
                 "installed; apt-get install libegl1 libegl-mesa0 libgl1-mesa-dri libgl1")
HERE = os.path.dirname(os.path.abspath(__file__))
if os.path.isfile(os.path.join(HERE, "..", "package.txt")):
    # Installed: the wheels lie beside the package, where -I may hide them (pip install --user).
    sys.path.append(os.path.dirname(os.path.dirname(HERE)))
signal.signal(signal.SIGINT, signal.SIG_IGN)  # the sender turns a Ctrl-C into a file that is whole
os.environ["MUJOCO_GL"] = "egl"
try:
    import mujoco as mj
    import numpy as np
except ImportError as error:
    print(f"pmoe: {sys.executable} has no mujoco wheel ({error}); ./pmoe build installs it in a "
          "checkout, elsewhere: pip install mujoco, and PMOE_PYTHON=/path/to/that/python3",
          file=sys.stderr)
    sys.exit(2)
except Exception:  # without libEGL PyOpenGL has an AttributeError for us
    print(f"pmoe: {NOTHING_DRAWS}", file=sys.stderr)
    sys.exit(2)

SHAPES_MAX = 20000  # long ways through the arena have one per step
ARENA_FRAMES_PER_S = 10.0
GIF_FRAMES_PER_S, GIF_WIDTH, GIF_S = 10, 240, 10
DEVICES_MAX = 10  # as mujoco.egl asks for
JUMP = 1.0  # no step is this long: the next episode has begun
OBSTACLE, TARGET = (0.75, 0.25, 0.2, 1), (0.2, 0.65, 0.3, 1)
WALL, AGENT = (0.3, 0.3, 0.35, 1), (0.1, 0.1, 0.1, 1)
WAYS = ((0.15, 0.35, 0.8, 1), (0.85, 0.55, 0.1, 1), (0.5, 0.25, 0.7, 1), (0.1, 0.6, 0.6, 1))
ARENA = """
<mujoco>
  <visual>
    <headlight ambient="0.6 0.6 0.6" diffuse="0.4 0.4 0.4" specular="0 0 0"/>
    <global fovy="45"/>
  </visual>
  <worldbody>
    <camera name="track" pos="0 0 13.2"/>
    <geom type="plane" size="5.5 5.5 1" rgba="0.95 0.95 0.93 1"/>
  </worldbody>
</mujoco>"""


class Mistake(Exception):
    """Something that the user can mend."""


def output_words(path, png):
    """What ffmpeg is told about the file."""
    if png:
        try:
            os.makedirs(path, exist_ok=True)
        except OSError as error:
            raise Mistake(f"cannot make the folder {path}: {error.strerror}") from error
        return [path + "/%06d.png"]
    if path.endswith(".mp4"):
        return ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-preset", "veryfast",
                "-movflags", "+faststart", path]
    if path.endswith(".webm"):
        return ["-c:v", "libvpx-vp9", "-pix_fmt", "yuv420p", "-deadline", "realtime", path]
    raise Mistake(f"a video ends in .mp4 (H.264) or .webm (VP9), got {path}")


def gif_words(path):
    """A small second file of the same pictures: what a page can show without playing videos."""
    palette = "split[a][b];[a]palettegen[p];[b][p]paletteuse"
    return ["-vf", f"vflip,fps={GIF_FRAMES_PER_S},scale={GIF_WIDTH}:-2:flags=lanczos,{palette}",
            "-t", str(GIF_S), path]


def start_ffmpeg(options, frames_per_s):
    words = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-y", "-f", "rawvideo",
             "-pix_fmt", "rgb24", "-s", f"{options['width']}x{options['height']}",
             "-r", f"{frames_per_s:.6g}", "-i", "-", "-vf", "vflip"]
    words += output_words(options["path"], options["png"])
    if options["gif"]:
        words += gif_words(options["gif"])
    try:
        return subprocess.Popen(words, stdin=subprocess.PIPE, process_group=0)
    except FileNotFoundError as error:
        raise Mistake("ffmpeg cannot be started; apt-get install ffmpeg") from error


def make_context():
    """A current OpenGL context without a window: on the first EGL device that can draw, which may
    be the CPU, or on $MUJOCO_EGL_DEVICE_ID. Returns it and what draws."""
    wanted = os.environ.get("MUJOCO_EGL_DEVICE_ID")
    try:
        from mujoco import egl
        from OpenGL import GL
        devices = len(egl.EGL.eglQueryDevicesEXT())
    except Exception:
        devices = 0
    if wanted is not None and not (wanted.isdecimal() and int(wanted) < devices):
        raise Mistake("MUJOCO_EGL_DEVICE_ID must be the number of one of the "
                      f"{devices} EGL devices, got \"{wanted}\"")
    for device in [wanted] if wanted is not None else range(devices):
        os.environ["MUJOCO_EGL_DEVICE_ID"] = str(device)
        egl.EGL_DISPLAY = None
        try:
            context = egl.GLContext(0, 0)
            context.make_current()
            return context, GL.glGetString(GL.GL_RENDERER).decode()
        except Exception:
            continue  # PyOpenGL has many kinds of errors, all of which say "not this one"
    raise Mistake(NOTHING_DRAWS)


def read_model(options, stream):
    """The model that was sent. Its plugins are numbers there, which each process deals anew."""
    if not options["model_bytes"]:
        return mj.MjModel.from_xml_string(ARENA)
    name = "sent.mjb"
    model = mj.MjModel.from_binary_path(name, {name: stream.read(options["model_bytes"])})
    library = ctypes.CDLL(glob.glob(os.path.dirname(mj.__file__) + "/libmujoco.so.*")[0])
    slot = ctypes.c_int()
    for i, plugin in enumerate(options["plugins"]):
        if library.mjp_getPlugin(plugin.encode(), ctypes.byref(slot)):
            model.plugin[i] = slot.value
    return model


def choose_camera(model, name):
    camera = mj.MjvCamera()
    index = mj.mj_name2id(model, mj.mjtObj.mjOBJ_CAMERA, name or "track")
    if index >= 0:
        camera.type, camera.fixedcamid = mj.mjtCamera.mjCAMERA_FIXED, index
    elif name:
        names = [model.camera(i).name for i in range(model.ncam) if model.camera(i).name]
        raise Mistake(f"the model has no camera \"{name}\"; it has {', '.join(names) or 'none'}")
    else:
        mj.mjv_defaultFreeCamera(model, camera)
        if model.nbody > 1:
            camera.type, camera.trackbodyid = mj.mjtCamera.mjCAMERA_TRACKING, 1
    return camera


class Arena:
    """TargetReaching's shapes. The ways of all episodes stay while the layout is the same."""

    def __init__(self):
        self.ways, self.target = [], None

    def add_to(self, scene, arena):
        position, target = arena["position"], arena["target"]
        if target != self.target:
            self.ways, self.target = [], target
        if not self.ways or math.dist(position, self.ways[-1][-1]) > JUMP:
            self.ways.append([])
        self.ways[-1].append(position)
        s = arena["half_side"]
        corners = [(-s, -s), (s, -s), (s, s), (-s, s)]
        for i in range(4):
            self.line(scene, corners[i], corners[(i + 1) % 4], WALL)
        self.disc(scene, target, arena["target_radius"], 0.02, TARGET)
        for x, y, radius in arena["obstacles"]:
            self.disc(scene, (x, y), radius, 0.1, OBSTACLE)
        for i, way in enumerate(self.ways):
            for a, b in zip(way, way[1:]):
                self.line(scene, a, b, WAYS[i % len(WAYS)])
        self.disc(scene, position, 0.12, 0.3, AGENT)

    @staticmethod
    def add(scene, kind, size, position, color):
        if scene.ngeom >= scene.maxgeom:
            return None
        geom = scene.geoms[scene.ngeom]
        scene.ngeom += 1
        mj.mjv_initGeom(geom, kind, np.array(size, float), np.array(position, float),
                        np.eye(3).flatten(), np.array(color, np.float32))
        return geom

    def disc(self, scene, center, radius, height, color):
        self.add(scene, mj.mjtGeom.mjGEOM_CYLINDER, (radius, height, 0), (*center, height), color)

    def line(self, scene, a, b, color):
        geom = self.add(scene, mj.mjtGeom.mjGEOM_CAPSULE, (0, 0, 0), (0, 0, 0), color)
        if geom is not None:
            mj.mjv_connector(geom, mj.mjtGeom.mjGEOM_CAPSULE, 0.03, np.array((*a, 0.25)),
                             np.array((*b, 0.25)))


class Pictures:
    """Of an environment that draws itself: its bytes follow the frame's line."""

    def __init__(self, options, stream):
        self.stream, self.device = stream, "the environment"
        self.shape = options["height"], options["width"]

    def draw(self, frame):
        width, height = frame["size"]
        rgb = np.frombuffer(self.stream.read(3 * width * height), np.uint8)
        rgb = rgb.reshape(height, width, 3)[::-1]
        rows, columns = (np.arange(wanted) * given // wanted
                         for wanted, given in zip(self.shape, (height, width)))
        return np.ascontiguousarray(rgb[rows][:, columns])


class Renderer:
    def __init__(self, options, stream):
        self.model = read_model(options, stream)
        self.camera = choose_camera(self.model, options["camera"])
        self.gl, self.device = make_context()
        software = "llvmpipe" in self.device or "softpipe" in self.device
        self.model.vis.global_.offwidth = options["width"]
        self.model.vis.global_.offheight = options["height"]
        if software:  # smoothing and shadows cost the CPU more than they are worth
            self.model.vis.quality.offsamples = 0
        self.data, self.visual = mj.MjData(self.model), mj.MjvOption()
        self.perturbation = mj.MjvPerturb()
        self.scene = mj.MjvScene(self.model, SHAPES_MAX)
        if software:
            self.scene.flags[mj.mjtRndFlag.mjRND_SHADOW] = 0
            self.scene.flags[mj.mjtRndFlag.mjRND_REFLECTION] = 0
        self.context = mj.MjrContext(self.model, mj.mjtFontScale.mjFONTSCALE_100)
        mj.mjr_setBuffer(mj.mjtFramebuffer.mjFB_OFFSCREEN, self.context)
        self.viewport = mj.MjrRect(0, 0, options["width"], options["height"])
        self.rgb = np.empty((options["height"], options["width"], 3), np.uint8)
        self.arena = Arena()

    def draw(self, frame):
        """[height, width, 3], the lowest row first."""
        if "state" in frame:
            mj.mj_setState(self.model, self.data, np.array(frame["state"], float),
                           mj.mjtState.mjSTATE_INTEGRATION)
        # A step leaves body poses one simulator step behind; the picture need not be.
        mj.mj_forward(self.model, self.data)
        mj.mjv_updateScene(self.model, self.data, self.visual, self.perturbation, self.camera,
                           mj.mjtCatBit.mjCAT_ALL, self.scene)
        if "arena" in frame:
            self.arena.add_to(self.scene, frame["arena"])
        mj.mjr_render(self.viewport, self.scene, self.context)
        mj.mjr_overlay(mj.mjtFont.mjFONT_NORMAL, mj.mjtGridPos.mjGRID_TOPLEFT, self.viewport,
                       frame["labels"], frame["values"], self.context)
        mj.mjr_readPixels(self.rgb, None, self.viewport, self.context)
        return self.rgb


def main():
    if sys.argv[1:] == ["--probe"]:  # `pmoe doctor` asks who would draw
        print(make_context()[1])
        return 0
    stream = sys.stdin.buffer
    options = json.loads(stream.readline())
    renderer = (Pictures if options["draws_itself"] else Renderer)(options, stream)
    frames_per_s = options["frames_per_s"] or ARENA_FRAMES_PER_S
    ffmpeg = start_ffmpeg(options, frames_per_s)
    frames = 0
    try:
        for line in stream:
            ffmpeg.stdin.write(renderer.draw(json.loads(line)).data)
            frames += 1
            if frames % 10 == 0 and sys.stderr.isatty():
                print(f"\rframe {frames}", end="", file=sys.stderr, flush=True)
        ffmpeg.stdin.close()
    except BrokenPipeError:
        ffmpeg.wait()
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    if ffmpeg.wait() != 0:
        return f"pmoe: ffmpeg could not write {options['path']}"
    print(f"{options['path']}: {frames} frames at {frames_per_s:.6g} per second, "
          f"drawn by {renderer.device}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Mistake as mistake:
        print(f"pmoe: {mistake}", file=sys.stderr)
        sys.exit(2)
