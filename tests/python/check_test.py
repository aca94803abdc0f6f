"""pmoe.check on exported files; what they compute is looked at by tests/actor/export."""

import sys
import types
import zlib

from conftest import ROOT
from pmoe import check


def test_a_header_of_any_name_is_replayed(short_runs, tmp_path, capsys):
    for name in ("walk.h", "walk_golden.h", "golden_seed.h"):
        file = str(short_runs.of("ppo").export(tmp_path / name))
        assert check.main([file]) == 0, capsys.readouterr().err
        assert f"{file}: whole; acts as it did in " in capsys.readouterr().out


def test_a_model_that_onnxruntime_refuses_cannot_be_checked(tmp_path, capsys, monkeypatch):
    def refuse(*_, **__):
        raise Exception("opset 13 is unknown")

    monkeypatch.setitem(sys.modules, "onnxruntime", types.SimpleNamespace(
        __version__="1.2.3", InferenceSession=refuse))
    file = tmp_path / "policy.onnx"
    file.write_bytes(b"model" + b"r\x11\n\x05crc32\x12\x08%08x" % zlib.crc32(b"model"))
    assert check.main([str(file)]) == 2
    assert capsys.readouterr().err == (
        f"{file}: onnxruntime 1.2.3 does not take it: opset 13 is unknown\n")


def test_it_runs_as_a_script_from_the_checkout(short_runs, tmp_path):
    """As docs/export.md has it."""
    import subprocess
    file = short_runs.of("ppo").export(tmp_path / "policy.npz")
    done = subprocess.run([sys.executable, "python/pmoe/check.py", str(file)], cwd=ROOT, text=True,
                          capture_output=True, env={"PATH": ""})
    assert done.returncode == 0 and "whole; acts as it did" in done.stdout, done.stderr
