"""A headless Chromium that a test drives over its debugging protocol."""
import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
import urllib.request

import websocket  # Debian's python3-websocket

LIMIT_S = 60


def chromium():
    return shutil.which("chromium")


class Browser:
    """Owns the process and its profile; close() ends both."""

    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="pmoe-page-")
        self.process = subprocess.Popen(
            [chromium(), "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
             "--disable-dev-shm-usage", "--disable-extensions", "--hide-scrollbars",
             "--remote-debugging-port=0", "--remote-allow-origins=*",
             f"--user-data-dir={self.profile}", "about:blank"],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True)
        address = self._debugger()
        with urllib.request.urlopen(f"http://{address}/json", timeout=LIMIT_S) as answer:
            pages = [page for page in json.load(answer) if page["type"] == "page"]
        self.socket = websocket.create_connection(pages[0]["webSocketDebuggerUrl"],
                                                  timeout=LIMIT_S)
        self.serial = 0
        self.problems = []  # what the page's console complained of
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def _debugger(self):
        for line in self.process.stderr:
            if "DevTools listening on ws://" in line:
                return line.split("ws://")[1].split("/")[0]
        raise RuntimeError("chromium ended before it listened")

    def call(self, method, **params):
        self.serial += 1
        self.socket.send(json.dumps({"id": self.serial, "method": method, "params": params}))
        while True:
            message = json.loads(self.socket.recv())
            self._note(message)
            if message.get("id") == self.serial:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]

    def _note(self, message):
        params = message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(params["exceptionDetails"]))
        if message.get("method") == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.problems.append(params["entry"]["text"] + " " + params["entry"].get("url", ""))

    def evaluate(self, script):
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True,
                           awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(json.dumps(result["exceptionDetails"]))
        return result["result"].get("value")

    def wait_for(self, condition, limit_s=LIMIT_S):
        """Waits in the page, without polling from here, until the script is true."""
        done = self.evaluate(
            "new Promise((done) => { const until = Date.now() + %d; const look = () => {"
            " let met = false; try { met = Boolean(%s); } catch (error) { met = false; }"
            " if (met) done(true); else if (Date.now() > until) done(false);"
            " else setTimeout(look, 50); }; look(); })" % (1000 * limit_s, condition))
        if not done:
            raise TimeoutError(f"not in {limit_s} s: {condition}; problems: {self.problems}")

    def open(self, url):
        self.call("Page.navigate", url=url)
        self.wait_for("document.readyState === 'complete'")

    def show_as(self, width, height, scheme="light", scale=1, mobile=False):
        self.shape = {"width": width, "height": height, "deviceScaleFactor": scale,
                      "mobile": mobile}
        self.call("Emulation.setDeviceMetricsOverride", **self.shape)
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": scheme}])

    def picture(self, path, height=None):
        """Of the page after show_as(). The window becomes as high first: charts are drawn anew
        when it changes, and would be caught while they are empty."""
        height = height or self.evaluate("document.documentElement.scrollHeight")
        self.call("Emulation.setDeviceMetricsOverride", **{**self.shape, "height": height})
        self.evaluate("new Promise((done) => setTimeout(() => requestAnimationFrame(() => "
                      "requestAnimationFrame(done)), 1000))")
        clip = {"x": 0, "y": 0, "width": self.shape["width"], "height": height, "scale": 1}
        shot = self.call("Page.captureScreenshot", format="png", clip=clip)
        self.call("Emulation.setDeviceMetricsOverride", **self.shape)
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot["data"]))

    def close(self):
        self.socket.close()
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process.stderr.close()
        shutil.rmtree(self.profile, ignore_errors=True)
