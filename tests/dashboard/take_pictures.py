"""The pictures of docs/dashboard.md, taken of a dashboard that runs.

  take_pictures.py URL FOLDER [--only NAME,...] [RUN...]
    light, dark: the whole page at 1400 px; wide: at 2560 px; phone: at 390 px; runs: the table
"""
import subprocess
import sys
import urllib.parse

from browser import Browser

# name: width, height of the window and of the picture (None: all), scheme, scale, state.
SHAPES = {
    "light": (1400, 2400, None, "light", 1, {}),
    "dark": (1400, 2400, None, "dark", 1, {}),
    "wide": (2560, 2000, None, "light", 1, {}),
    "wide_dark": (2560, 2000, None, "dark", 1, {}),
    "phone": (390, 900, 2000, "light", 2, {}),
    "phone_dark": (390, 900, 2000, "dark", 2, {}),
    "runs": (1400, 900, None, "light", 1, {"view": "runs"}),
    "runs_dark": (1400, 900, None, "dark", 1, {"view": "runs"}),
    "runs_wide": (2560, 900, None, "light", 1, {"view": "runs"}),
    "runs_phone": (390, 900, 2000, "light", 2, {"view": "runs"}),
}
SMALL = "split[a][b];[a]palettegen=max_colors=96[p];[b][p]paletteuse=dither=none"
SETTLE_MS = 6000  # the actors' past is asked for every two seconds


def take(browser, url, folder, name, runs):
    width, window, height, scheme, scale, state = SHAPES[name]
    browser.show_as(width, window, scheme, scale, mobile=width < 500)
    query = urllib.parse.urlencode([("run", run) for run in runs] + list(state.items()))
    browser.open(url + "?" + query)
    part = "#table tbody tr" if state else "[data-metric=env_steps]"
    browser.wait_for(f"document.querySelector('{part}')")
    browser.wait_for("Number(document.body.dataset.drawn) > 2")  # however busy the machine is
    browser.evaluate(f"new Promise((done) => setTimeout(done, {SETTLE_MS}))")
    path = f"{folder}/dashboard_{name}.png"
    browser.picture(path + ".full.png", height)
    subprocess.run(["ffmpeg", "-loglevel", "error", "-y", "-i", path + ".full.png", "-vf", SMALL,
                    path], check=True)
    subprocess.run(["rm", path + ".full.png"], check=True)


def main(url, folder, *words):
    names = list(SHAPES)
    if words and words[0] == "--only":
        names = words[1].split(",")
        words = words[2:]
    browser = Browser()
    try:
        for name in names:
            take(browser, url, folder, name, words)
        if browser.problems:
            sys.exit("\n".join(browser.problems))
    finally:
        browser.close()


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
