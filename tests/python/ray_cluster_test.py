"""What of `pmoe ray` needs no Ray: what a cluster lacks, in words, and the folders of keys.
tests/deploy/ray_test.py runs it on a cluster."""

import os
import stat
import subprocess
import sys

import pytest

from conftest import ROOT
from pmoe.errors import Error
from pmoe.ray_cluster import place, private_folder
from pmoe.ray_cluster.command import read_flags
from pmoe.ray_cluster.member import MemberSpec
from pmoe.ray_cluster.plan import Role


def role(name, cpus, gpus=0.0, beside_files=False):
    spec = MemberSpec(role=name.split()[0], name=name, about="", words=(), certificates={},
                      config="", programs="", work_folder="", directory="", learner="")
    return Role(spec, {"CPU": cpus, "GPU": gpus}, beside_files)


def node(address, cpus, gpus=0.0):
    return place.Node(address, {"CPU": cpus, "GPU": gpus, f"node:{address}": 1.0})


ROLES = [role("learner", 2, beside_files=True), role("replay 0", 1, beside_files=True),
         role("actor 0", 1), role("actor 1", 1), role("evaluator", 1)]


def lack(roles, nodes, files_node="10.0.0.1"):
    return place.missing(roles, place.bundles(roles, files_node), nodes)


def test_a_cluster_that_holds_the_run_lacks_nothing():
    assert lack(ROLES, [node("10.0.0.1", 3), node("10.0.0.2", 3)]) == ""


def test_the_others_leave_the_files_node_to_those_who_must_be_there():
    assert lack(list(reversed(ROLES)), [node("10.0.0.1", 3), node("10.0.0.2", 3)]) == ""


def test_a_cluster_that_is_too_small_is_told_with_what_it_has():
    text = lack(ROLES, [node("10.0.0.1", 3), node("10.0.0.2", 2)])
    assert "there is no place for" in text
    assert "6 CPU (learner 2, replay 1, 2 × actor 1, evaluator 1)" in text
    assert "10.0.0.1 3 CPU" in text and "10.0.0.2 2 CPU" in text


def test_cpus_on_another_node_are_no_place_for_the_learner():
    text = lack(ROLES, [node("10.0.0.1", 0), node("10.0.0.2", 64)])
    assert "no place for learner on node 10.0.0.1, which has the run's directory" in text
    assert lack(ROLES, [node("10.0.0.1", 0), node("10.0.0.2", 64)], place.ANY_NODE) == ""


def test_a_missing_gpu_is_told():
    text = lack([role("learner", 2, gpus=1)], [node("10.0.0.1", 64)], place.ANY_NODE)
    assert "1 GPU (learner 1)" in text


def test_a_number_out_of_range_names_its_flag():
    with pytest.raises(Error, match="--ports must be from 0 to 65000, got 70000"):
        read_flags(["--ports", "70000"])


def test_a_folder_of_keys_is_its_users_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(private_folder.tempfile, "tempdir", str(tmp_path))
    folder = private_folder.PrivateFolder()
    folder.write({"key.pem": "secret"})
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder.path / "key.pem").stat().st_mode) == 0o600
    folder.remove()
    assert not folder.path.exists()


def test_what_a_killed_process_left_goes_and_what_is_used_stays(tmp_path, monkeypatch):
    script = "import os; from pmoe.ray_cluster.private_folder import PrivateFolder as P; P(); " \
             "os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", script], check=False,
                   env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT / "python")})
    left, = tmp_path.glob(private_folder.PREFIX + "*")
    monkeypatch.setattr(private_folder.tempfile, "tempdir", str(tmp_path))
    used = private_folder.PrivateFolder()
    assert not left.exists()
    private_folder.sweep()
    assert used.path.exists()
    used.remove()
