#!/usr/bin/env python3
"""Prometheus, with the configuration of deploy/prometheus, asks an actor that lies: it must speak
for itself alone. Skipped without Debian's package prometheus."""
import http.server
import json
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse
import urllib.request

import metric_names

CONFIGURATION = metric_names.ROOT / "deploy/prometheus/prometheus.yml"
LABELS = {"job": "pmoe-actor", "cluster": "hall", "run": "r1", "role": "actor", "index": "7"}
CLAIM = 'job="pmoe-replay",cluster="other",run="r2",role="replay",index="0",side="sample"'
FORGED = f"""\
pmoe:actors_wanted:ratio{{cluster="hall",run="r1"}} 99
pmoe_replay_limiter_blocked_seconds_total{{{CLAIM}}} 9
pmoe_learner_members{{member="actor",run="r1"}} 0
up{{{CLAIM}}} 0
pmoe_actor_env_steps_total{{{CLAIM}}} 5
"""


class Liar(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        here = f"127.0.0.1:{self.server.server_address[1]}"
        found = self.path == "/sd"
        text = json.dumps([{"targets": [here], "labels": LABELS}]) if found else FORGED
        self.send_response(200)
        self.send_header("Content-Type", "application/json" if found else "text/plain")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


def kept(role, name):
    """Whether the configuration's regex keeps such a metric."""
    text = re.sub(r"\\\n\s*", "", CONFIGURATION.read_text())
    return re.fullmatch(re.search(r'regex: "(.*)"\n\s*action: keep', text)[1], f"{role};{name}")


class ForgedTest(unittest.TestCase):
    def test_what_each_role_serves_is_kept(self):
        for name, metric in metric_names.served().items():
            for role in metric.role.split(", "):
                self.assertTrue(kept(role, name), f"{name} of {role}")

    @unittest.skipUnless(shutil.which("prometheus"), "no prometheus: apt-get install prometheus")
    def test_an_actor_speaks_for_itself_alone(self):
        liar = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Liar)
        threading.Thread(target=liar.serve_forever, daemon=True).start()
        with socket.create_server(("127.0.0.1", 0)) as free:
            here = f"127.0.0.1:{free.getsockname()[1]}"
        with tempfile.TemporaryDirectory() as folder:
            text = CONFIGURATION.read_text().replace(
                "learner:9100", f"127.0.0.1:{liar.server_address[1]}").replace(" 5s", " 1s")
            file = pathlib.Path(folder, "prometheus.yml")
            file.write_text(text.replace("rule_files", "# rule_files"))
            server = subprocess.Popen(
                ["prometheus", "--config.file", file, "--storage.tsdb.path", f"{folder}/data",
                 "--web.listen-address", here, "--log.level", "error"])
            try:
                series = self.series(here)
            finally:
                server.terminate()
                server.wait()
                liar.shutdown()
                liar.server_close()
        named = {one["__name__"]: one for one in series}
        address = f"127.0.0.1:{liar.server_address[1]}"
        self.assertEqual(named["pmoe_actor_env_steps_total"],
                         {**LABELS, "__name__": "pmoe_actor_env_steps_total", "side": "sample",
                          "instance": address})
        self.assertEqual([name for name in named if name.startswith("pmoe")],
                         ["pmoe_actor_env_steps_total"])
        self.assertEqual({one.get("job") for one in series}, {"pmoe-actor"})

    def series(self, here):
        """Labels of all that Prometheus has, once it has the actor's steps."""
        query = urllib.parse.quote('{__name__!=""}')
        deadline, pause = time.monotonic() + 60, threading.Event()
        while time.monotonic() < deadline:
            try:
                address = f"http://{here}/api/v1/query?query={query}"
                with urllib.request.urlopen(address, timeout=5) as answer:
                    found = [one["metric"] for one in json.load(answer)["data"]["result"]]
            except OSError:  # it has just been started
                found = []
            if any("env_steps" in one["__name__"] for one in found):
                return found
            pause.wait(0.2)
        self.fail("Prometheus has nothing of the actor")


if __name__ == "__main__":
    unittest.main()
