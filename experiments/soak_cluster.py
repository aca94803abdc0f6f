#!/usr/bin/env python3
"""Runs a cluster of many actors for a while and watches it: memory of every process, silence of
every member, restarts, and whether one Ctrl-C ends all of it in order.

  experiments/soak_cluster.py --actors 32 --seconds 300

Prints a line every ten seconds and a verdict; exit code 1 if memory grew, a heartbeat was missed,
a process was restarted or left behind."""
import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SILENCE_S = 10.0  # the learner gives a member up then
GROWTH_MAX = 0.05  # of a role's memory over the second half of the run
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
    """(seconds of silence of the quietest member, members connected, env steps, MB by role)."""
    status = status_of(binary, run)
    if status is None:
        return None
    connected = [m for m in status["members"] if m["connected"]]
    memory = {}
    for member in members_of(run):
        memory.setdefault(member["role"], []).append(private_mb(member["pid"]))
    return (max((m["last_report_s"] for m in connected), default=0.0), len(connected),
            int(status["env_steps"]), {role: sum(all_mb) for role, all_mb in memory.items()})


def watch(binary, run, expected, seconds):
    """Looks every ten seconds from when everybody is there; returns the looks and the faults."""
    faults, looks = [], []
    begin = time.time()
    while time.time() < begin + 120:
        first = look(binary, run)
        if first is not None and first[1] == expected and first[2] > 2000:
            break
        time.sleep(1)
    else:
        return looks, ["not everybody was there within 120 s"]
    begin = time.time()
    while time.time() < begin + seconds:
        time.sleep(10)
        now = look(binary, run)
        if now is None:
            faults.append("the learner did not answer")
            continue
        looks.append(now)
        silence, connected, steps, memory = now
        text = ", ".join(f"{role} {mb:.1f} MB" for role, mb in sorted(memory.items()))
        print(f"{time.time() - begin:5.0f} s: {connected} members, quietest {silence:.1f} s, "
              f"{steps} env steps; {text}", flush=True)
        if silence > SILENCE_S or connected != expected:
            faults.append(f"a heartbeat was missed: {connected} members, {silence:.1f} s")
    return looks, faults


def growth(looks):
    """Faults of memory: the last quarter of the looks against the third."""
    faults = []
    quarter = max(1, len(looks) // 4)
    for role in looks[-1][3]:
        before = sum(one[3][role] for one in looks[-2 * quarter:-quarter]) / quarter
        after = sum(one[3][role] for one in looks[-quarter:]) / quarter
        print(f"{role}: {before:.1f} -> {after:.1f} MB in all")
        if after > before * (1 + GROWTH_MAX) + 1:
            faults.append(f"{role} grew from {before:.1f} to {after:.1f} MB")
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--actors", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=300)
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
        looks, faults = watch(flags.binary, run, flags.actors + 2, flags.seconds)
        if looks:
            faults += growth(looks)
        faults += [f"{m['name']} was restarted" for m in members_of(run) if m["restarts"]]
        pids = [m["pid"] for m in members_of(run)]
        begin = time.time()
        up.send_signal(signal.SIGINT)
        code = up.wait(timeout=60)
        left = [pid for pid in pids if os.path.exists(f"/proc/{pid}")]
        print(f"Ctrl-C: exit code {code} after {time.time() - begin:.1f} s, "
              f"{len(left)} processes left")
        if code != 0 or left:
            faults.append("it did not end in order")
    print("\n".join(faults) or "no fault")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
