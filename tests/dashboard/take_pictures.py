"""The pictures of docs/dashboard.md, taken of a dashboard that runs.

  take_pictures.py URL FOLDER [RUN...]   light and dark at 1280 px, a phone at 360 px
"""
import subprocess
import sys
import urllib.parse

from browser import Browser

SHAPES = (("light", 1280, 1010, "light", 1), ("dark", 1280, 1010, "dark", 1),
          ("phone", 360, 1100, "light", 2))
SMALL = "split[a][b];[a]palettegen=max_colors=96[p];[b][p]paletteuse=dither=none"
DRAWN = ("Number(document.body.dataset.drawn) > 2 && "
         "Number(document.querySelector('[data-metric=env_steps]').dataset.value) > 0")


def main(url, folder, *runs):
    browser = Browser()
    query = "&".join("run=" + urllib.parse.quote(run) for run in runs)
    for name, width, height, scheme, scale in SHAPES:
        browser.show_as(width, 900, scheme, scale, mobile=width < 500)
        browser.open(url + ("?" + query if query else ""))
        browser.wait_for(DRAWN)
        path = f"{folder}/dashboard_{name}.png"
        browser.picture(path + ".full.png", height)
        subprocess.run(["ffmpeg", "-loglevel", "error", "-y", "-i", path + ".full.png", "-vf",
                        SMALL, path], check=True)
        subprocess.run(["rm", path + ".full.png"], check=True)
    if browser.problems:
        sys.exit("\n".join(browser.problems))
    browser.close()


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
