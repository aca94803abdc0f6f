#!/usr/bin/env python3
"""Runs a cluster of many actors for a while and watches it: memory of every process, silence of
every member, restarts, and whether one Ctrl-C ends all of it in order.

  experiments/soak_cluster.py --actors 32 --seconds 300
  experiments/soak_cluster.py --actors 4 --seconds 7200 --kill-every 30

Prints a line every ten seconds and a verdict; exit code 1 if memory grew, a heartbeat was missed,
a process was restarted or left behind. With --kill-every an actor, the evaluator or the replay
shard, drawn at random, gets kill -9 so often: each must come back, and a shard must not lose more
than a second of acknowledged rows nor hold a row twice. The learner stays, as its memory is what
could grow."""
import argparse
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SILENCE_S = 10.0  # the learner gives a member up then
GROWTH_MAX = 0.01  # of a role's memory over the second half of the run
BACK_S = 60.0  # within which a killed process is a member again
SETTINGS = ["schedule.start_steps=2000", "schedule.update_after=2000", "policy.hidden=32,32",
            "learner.critic_hidden=32,32", "learner.batch_size=32", "replay.capacity=20000",
            "observe.video=false", "observe.eval_every_steps=20000", "observe.eval_episodes=1",
            "checkpoint.every_steps=0"]


def private_mb(pid):
    """Memory of one process that no other shares, MB."""
    try:
        lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private")) / 1024


def status_of(binary, run):
    result = subprocess.run([binary, "status", "--run", run, "--json"], capture_output=True,
                            text=True, check=False)
    return json.loads(result.stdout) if result.returncode == 0 else None


def members_of(run):
    return json.loads((pathlib.Path(run) / "cluster.json").read_text())


def look(binary, run):
    """(seconds of silence of the quietest member, members connected, env steps, MB by role, the
    shard's counts)."""
    status = status_of(binary, run)
    if status is None:
        return None
    connected = [m for m in status["members"] if m["connected"]]
    memory = {}
    for member in members_of(run):
        memory.setdefault(member["role"], []).append(private_mb(member["pid"]))
    tables = [m["table"] for m in connected if "table" in m]
    return (max((m["last_report_s"] for m in connected), default=0.0), len(connected),
            int(status["env_steps"]), {role: sum(all_mb) for role, all_mb in memory.items()},
            tables[0] if tables else {})


class Killer:
    """kill -9 of a random member but the learner, every so many seconds once all are there."""

    def __init__(self, run, every_s):
        self.run, self.every_s, self.rng = run, every_s, random.Random(1)
        self.next = time.time() + every_s
        self.killed = {}
        self.since = None  # the last kill whose member is not back
        self.rate = 0.0  # rows a second, lately
        self.lost_max = 0.0

    def turn(self, all_there, rate):
        """The fault, if the one that was killed does not come back."""
        if all_there:
            self.since, self.rate = None, max(rate, 0.9 * self.rate)
        elif self.since is not None and time.time() - self.since > BACK_S:
            self.since = None
            return [f"a killed process was not back after {BACK_S:.0f} s"]
        if all_there and time.time() > self.next:
            member = self.rng.choice([m for m in members_of(self.run) if m["role"] != "learner"])
            os.kill(member["pid"], signal.SIGKILL)
            self.killed[member["role"]] = self.killed.get(member["role"], 0) + 1
            self.lost_max += self.rate if member["role"] == "replay" else 0.0
            self.since, self.next = time.time(), time.time() + self.every_s
        return []


def await_everybody(binary, run, expected):
    begin = time.time()
    while time.time() < begin + 120:
        first = look(binary, run)
        if first is not None and first[1] == expected and first[2] > 2000:
            return True
        time.sleep(1)
    return False


def watch(binary, run, expected, seconds, killer):
    """Looks every ten seconds from when everybody is there; returns the looks and the faults."""
    faults, looks = [], []
    if not await_everybody(binary, run, expected):
        return looks, ["not everybody was there within 120 s"]
    begin = time.time()
    while time.time() < begin + seconds:
        time.sleep(10)
        now = look(binary, run)
        if now is None:
            faults.append("the learner did not answer")
            continue
        silence, connected, steps, memory, table = now
        text = ", ".join(f"{role} {mb:.1f} MB" for role, mb in sorted(memory.items()))
        print(f"{time.time() - begin:5.0f} s: {connected} members, quietest {silence:.1f} s, "
              f"{steps} env steps, {table.get('rows_lost', 0)} rows lost; {text}", flush=True)
        there = silence <= SILENCE_S and connected == expected
        if killer is not None:
            rate = (steps - looks[-1][2]) / 10 if looks else 0.0
            faults += killer.turn(there, rate)
        elif not there:
            faults.append(f"a heartbeat was missed: {connected} members, {silence:.1f} s")
        looks.append(now)
    return looks, faults


def growth(looks):
    """Faults of memory: the least of the last quarter of the looks against that of the third. What
    a checkpoint or an evaluation takes for a moment comes and goes; what stays adds up."""
    faults = []
    quarter = max(1, len(looks) // 4)
    for role in looks[-1][3]:
        before = min(one[3][role] for one in looks[-2 * quarter:-quarter])
        after = min(one[3][role] for one in looks[-quarter:])
        print(f"{role}: {before:.1f} -> {after:.1f} MB in all")
        if after > before * (1 + GROWTH_MAX) + 1:
            faults.append(f"{role} grew from {before:.1f} to {after:.1f} MB")
    return faults


def losses(killer, looks):
    lost = int(looks[-1][4].get("rows_lost", 0))
    print(f"killed {killer.killed}; {lost} acknowledged rows lost, at most "
          f"{killer.lost_max:.0f} by a second each")
    return [f"{lost} acknowledged rows were lost"] if lost > killer.lost_max else []


def rows_held_twice(binary, run):
    """Of the newest table."""
    tables = sorted(pathlib.Path(run, "replay").rglob("*.table"), key=os.path.getmtime)
    dump = subprocess.run([binary + "-replay", "dump", tables[-1]], capture_output=True, text=True,
                          check=True).stdout.splitlines()
    names = [tuple(line.split()[:4]) for line in dump]
    print(f"{len(names)} rows in {tables[-1].name}")
    return [f"{len(names) - len(set(names))} rows are held twice"] * (len(names) != len(set(names)))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--actors", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--kill-every", type=float, default=0, metavar="S", help="0: nobody")
    parser.add_argument("--env", default="InvertedPendulum-v5")
    parser.add_argument("--binary", default=str(ROOT / "build/release/bin/pmoe"))
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pmoe-soak-") as folder:
        run = folder + "/run"
        words = [flags.binary, "up", "--env", flags.env, "--actors", str(flags.actors), "--steps",
                 "1000000000", "--out", run]
        for setting in SETTINGS:
            words += ["--set", setting]
        with open(folder + "/up.log", "w", encoding="utf-8") as log:
            up = subprocess.Popen(words, stdout=log, stderr=subprocess.STDOUT)
        killer = Killer(run, flags.kill_every) if flags.kill_every > 0 else None
        looks, faults = watch(flags.binary, run, flags.actors + 2, flags.seconds, killer)
        if looks:
            faults += growth(looks)
        if looks and killer is not None:
            faults += losses(killer, looks)
        faults += [f"{m['name']} was restarted" for m in members_of(run)
                   if m["restarts"] and (killer is None or m["role"] == "learner")]
        pids = [m["pid"] for m in members_of(run)]
        begin = time.time()
        up.send_signal(signal.SIGINT)
        code = up.wait(timeout=60)
        left = [pid for pid in pids if os.path.exists(f"/proc/{pid}")]
        print(f"Ctrl-C: exit code {code} after {time.time() - begin:.1f} s, "
              f"{len(left)} processes left")
        if code != 0 or left:
            faults.append("it did not end in order")
        elif killer is not None:
            faults += rows_held_twice(flags.binary, run)
    print("\n".join(faults) or "no fault")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
