"""Small parts: checksums, text format, chunks, tables; each against another's word for it."""

import io
import os
import re
import signal

import numpy as np
import pmoe
import pytest
from conftest import ROOT
from pmoe import _launch, command
from pmoe.chunks import make_rows, requests
from pmoe.config import REPEATED
from pmoe.crc32c import SHORT, TABLE, crc32c
from pmoe.interrupts import Interrupts
from pmoe.table import read_table
from pmoe.textproto import parse


def bytewise(data):
    register = 0xFFFFFFFF
    for byte in data:
        register = TABLE[(register ^ byte) & 0xFF] ^ (register >> 8)
    return register ^ 0xFFFFFFFF


def test_sums_are_castagnolis():
    assert crc32c(b"123456789") == 0xE3069283  # RFC 3720
    assert crc32c(bytes(32)) == 0x8A9136AA
    data = np.random.default_rng(1).bytes(3 * SHORT + 5)
    for size in (0, 1, SHORT, SHORT + 1, SHORT + 129, len(data)):
        assert crc32c(data[:size]) == bytewise(data[:size])
    assert crc32c(data[100:], crc32c(data[:100])) == crc32c(data)


def test_text_format_is_read():
    text = """# a comment
        name: "a \\"b\\" \\n" 'c'  # two texts are one
        list: [1, 2] list: 3
        inner { on: true rate: -1e-3 kind: ROUND empty {} }, other <x: 1>; end: inf"""
    assert parse(text, "f", frozenset({"list"})) == {
        "name": 'a "b" \nc', "list": [1, 2, 3],
        "inner": {"on": True, "rate": -1e-3, "kind": "ROUND", "empty": {}}, "other": {"x": 1},
        "end": float("inf")}


@pytest.mark.parametrize("text", [
    r'"\303\274ber"', r'"\xc3\xbcber"', '"über"', r"""'\303' "\274ber" """])
def test_escapes_are_bytes_of_utf8(text):
    """As protobuf writes an ü; of two texts side by side each may hold half of it."""
    assert parse(f"a: {text}", "f", frozenset()) == {"a": "über"}


@pytest.mark.parametrize("text, words", [
    ('a: 1\nb: "\\x"', "line 2: \"\\x\" cannot be read: "),
    ("a: 1\na: 2", "line 2: a is there twice"), ("a {", "a } is missing"),
    ("a 1", "colon or a brace"), ("a: }", "stands where a value must"),
    ("a: 1 }", "stands where a field must"),
    ('a: "b', "cannot be read")])
def test_text_that_is_none_names_file_and_line(text, words):
    with pytest.raises(pmoe.Error) as raised:
        parse(text, "the-file", frozenset())
    assert words in str(raised.value) and "the-file, line" in str(raised.value)


def test_lists_are_those_of_the_schema():
    schema = (ROOT / "proto" / "config.proto").read_text()
    assert set(re.findall(r"^  repeated \w+ (\w+) = ", schema, re.MULTILINE)) == set(REPEATED)


def test_every_program_of_the_protos_is_known_to_the_package():
    from pmoe.messages import message
    assert [field.name for field in message("LoadHello").DESCRIPTOR.fields] == [
        "columns", "learner", "table"]


def test_rows_are_cut_where_they_do_not_follow():
    obs = np.arange(10, dtype=np.float32)[:, None]
    rows = make_rows(obs, np.zeros((10, 1)), np.arange(10), np.arange(10) == 3, np.arange(10) == 6)
    assert rows.rewards.tolist() == [0, 1, 2, 3, 4, 5, 7, 8] and rows.left_out == 2
    assert np.flatnonzero(rows.breaks).tolist() == [6]  # behind the row that was cut off
    (request,) = requests(rows)
    assert [(chunk.seq, chunk.first_step, chunk.rows) for chunk in request.chunks] == [
        (0, 0, 4), (1, 4, 2), (2, 7, 2)]
    assert request.hello.columns.obs_dim == 1 and request.hello.columns.action_dim == 1
    last = np.frombuffer(request.chunks[1].observations, "<f4")
    assert last.tolist() == [4, 5, 6]


def test_own_successors_end_a_stream_where_they_are_not_the_next_row():
    obs = np.arange(5, dtype=np.float32)[:, None]
    after = obs + 1
    after[1] = 9
    rows = make_rows(obs, np.zeros((5, 1)), np.zeros(5), np.zeros(5), None, after)
    assert np.flatnonzero(rows.breaks).tolist() == [2] and rows.left_out == 0


def test_many_rows_are_many_chunks_and_messages():
    count = 10000
    rows = make_rows(np.ones((count, 1)), np.zeros((count, 1)), np.zeros(count),
                     np.arange(count) == count - 1)
    sent = list(requests(rows))
    chunks = [chunk for request in sent for chunk in request.chunks]
    assert len(sent) == 3 and sum(chunk.rows for chunk in chunks) == count
    assert [chunk.seq for chunk in chunks] == list(range(157)) and chunks[-1].first_step == 9984
    assert sent[0].HasField("hello") and not sent[1].HasField("hello")


def test_a_trainings_table_is_read_whole(short_runs):
    """Against `pmoe-replay dump`, which prints a sum of each row."""
    import struct
    import subprocess
    from pmoe.binaries import binary
    file = short_runs.of("sac").path / "replay" / "256.table"
    table = read_table(file)
    dumped = subprocess.run([binary("pmoe-replay"), "dump", file], check=True, text=True,
                            stdout=subprocess.PIPE).stdout.split("\n")[:-1]
    rows = []
    for i in range(len(table)):
        parts = (table.observations[i].tobytes(), table.actions[i].tobytes(),
                 table.rewards[i].tobytes(),
                 struct.pack("<IBB", table.policy_versions[i], int(table.terminated[i]),
                             int(table.truncated[i])), table.next_observations[i].tobytes())
        rows.append(f"{table.actors[i]} {table.envs[i]} {table.steps[i]} "
                    f"{crc32c(b''.join(parts)):08x} {table.policy_versions[i]}")
    without_epoch = [" ".join(word for at, word in enumerate(line.split()) if at != 1)
                     for line in dumped]
    assert len(rows) == 256 and sorted(rows) == sorted(without_epoch)


def test_a_damaged_table_is_named(short_runs, tmp_path):
    data = (short_runs.of("sac").path / "replay" / "256.table").read_bytes()
    for bad, words in ((data[:-1], "truncated"), (data[:5], "no saved table"),
                       (data + b"x", "left over"),
                       (data[:900] + b"\xff\x00" + data[902:], "damaged")):
        (tmp_path / "bad.table").write_bytes(bad)
        with pytest.raises(pmoe.Error) as raised:
            read_table(tmp_path / "bad.table")
        assert words in str(raised.value) and "bad.table cannot be used" in str(raised.value)
    with pytest.raises(pmoe.Error, match="cannot read the table"):
        read_table(tmp_path / "none.table")


INTERRUPTIBLE = "trap 'echo pmoe: killed; exit 7' INT; echo ready; while :; do sleep 0.02; done"


def test_a_command_that_fails_after_ctrl_c_was_interrupted(monkeypatch):
    """What a second Ctrl-C does to a training: no error of settings, which a study goes on from."""
    monkeypatch.setattr(command, "binary", lambda name: name)
    watched = command.Watched(["sh", "-c", INTERRUPTIBLE],
                              lambda line: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt) as raised:
        watched.run()
    assert watched.interrupted and isinstance(raised.value.__cause__, pmoe.CommandError)
    assert raised.value.__cause__.code == 7 and str(raised.value.__cause__) == "killed"


def test_a_machine_that_lists_no_flags_is_let_in(monkeypatch):
    for text, good in (("model name: x\n", True), ("flags : fpu avx2\n", False)):
        monkeypatch.setattr(_launch, "open", lambda *_, text=text, **__: io.StringIO(text),
                            raising=False)
        if good:
            _launch.check_cpu()
        else:
            with pytest.raises(_launch.Missing, match="this one lacks bmi1"):
                _launch.check_cpu()


def test_what_asks_for_the_end_is_counted_and_told_each_time():
    counts = []
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as under nohup
        interrupts = Interrupts(counts.append)
        for number in numbers:
            os.kill(os.getpid(), number)
        assert interrupts.count == 2 and counts == [1, 2]
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        interrupts = Interrupts(counts.append)
        os.kill(os.getpid(), signal.SIGHUP)
        assert interrupts.count == 1 and counts == [1, 2, 1]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
