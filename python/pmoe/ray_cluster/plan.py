"""What `pmoe ray` is to run: a run's directory, settings and members. Looks at files and asks
pmoe's programs; knows nothing of Ray."""

from __future__ import annotations

import dataclasses
import fcntl
import os
import pathlib
import time
import typing

from pmoe import command, textproto
from pmoe.binaries import binary
from pmoe.config import REPEATED
from pmoe.errors import CommandError, Error
from pmoe.ray_cluster.member import MemberSpec
from pmoe.ray_cluster.private_folder import PrivateFolder

LEARNER_CPUS = 2  # of a run that does not say learner.threads


@dataclasses.dataclass(frozen=True)
class Flags:
    """What was typed, of what is not training's."""

    out: str
    resume: str
    allow_other_env: bool
    learner_words: tuple[str, ...]  # the dashboard's, as the learner takes them
    training: tuple[str, ...]       # all others, as `pmoe config print` takes them
    actor_cpus: float
    learner_cpus: int
    replay_cpus: float
    ports: int                      # the learner's, the shards' behind it; 0: any
    programs: str


@dataclasses.dataclass(frozen=True)
class Role:
    """One member and the resources that its bundle of the placement group has."""

    spec: MemberSpec
    resources: dict[str, float]
    beside_files: bool  # it writes to the run's directory


class Run:
    """The run of one `pmoe ray`: its directory is locked, its certificates are made. close() gives
    back both.

    Raises:
        Error: what was typed cannot be run; nothing of another run was touched.
    """

    def __init__(self, flags: Flags) -> None:
        self._flags = flags
        self.settings, self.config = self._read_settings()
        self.directory = self._choose_directory()
        if flags.resume:
            self.check_unfinished()
        self._lock: typing.IO[bytes] | None = None
        if self.directory.exists():
            self._lock = self._take()  # before anything is written there
        self._check_env()
        if self._lock is None:
            self.directory.mkdir(parents=True, exist_ok=True)
            self._lock = self._take()
        self._private = PrivateFolder()
        try:
            self._make_certificates()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        (self.directory / "up.security").unlink(missing_ok=True)
        self._private.remove()
        if self._lock is not None:
            self._lock.close()

    @property
    def lockstep(self) -> bool:
        return self.settings["schedule"]["mode"] == "lockstep"

    @property
    def actors(self) -> int:
        return int(self.settings["actor"]["count"])

    @property
    def shards(self) -> int:
        return int(self.settings["replay"]["shards"])

    @property
    def learner_cpus(self) -> int:
        threads = int(self.settings["learner"]["threads"])
        return self._flags.learner_cpus or threads or LEARNER_CPUS

    @property
    def finished(self) -> bool:
        """Whether the newest checkpoint has all the steps asked for."""
        return self._newest() >= int(self.settings["schedule"]["total_steps"])

    def check_unfinished(self) -> None:
        if self.finished:
            raise Error(f"the run in {self.directory} has finished: it has {self._newest()} env "
                        "steps; make it longer with --steps")

    def roles(self, prefix: str) -> list[Role]:
        """In the order in which they are started. prefix: of their names in Ray."""
        flags, files = self._flags, str(self.directory)
        learner = {"CPU": float(self.learner_cpus)}
        if self.settings["learner"]["device"] == "cuda":
            learner["GPU"] = 1.0
        roles = [Role(self._spec("learner", "learner", self._learner_words(), "", flags.ports),
                      learner, True)]
        for shard in range(self.shards):
            folder = f"{files}/replay" + (f"/shard-{shard}" if self.shards > 1 else "")
            port = flags.ports + 1 + shard if flags.ports else 0
            roles.append(Role(self._spec("replay", f"replay {shard}", ("--dir", folder), prefix,
                                         port), {"CPU": flags.replay_cpus}, True))
        for index in range(self.actors):
            roles.append(Role(self._spec("actor", f"actor {index}", (), prefix),
                              {"CPU": flags.actor_cpus}, False))
        roles.append(Role(self._spec("evaluator", "evaluator", ("--evaluate",), prefix),
                          {"CPU": flags.actor_cpus}, False))
        return roles

    def _spec(self, role: str, name: str, words: tuple[str, ...], prefix: str,
              port: int = 0) -> MemberSpec:
        folder = self._private.path / "certs" / name.replace(" ", "-")
        return MemberSpec(
            role=role, name=name, about=f"{self.settings['env']['id']} {self.directory.name}",
            words=words, certificates=_texts(folder),
            config=self.config if role == "learner" and not self._flags.resume else "",
            programs=self._flags.programs or str(pathlib.Path(binary("pmoe")).parent),
            work_folder=os.getcwd(), directory=str(self.directory), port=port,
            learner=prefix + "learner" if prefix else "")

    def _learner_words(self) -> tuple[str, ...]:
        """With them a run that has begun goes on where it was, whatever ended its learner."""
        words = ("--command", "pmoe ray", *self._flags.learner_words)
        if self._flags.allow_other_env:
            words += ("--allow-other-env",)
        if self._flags.resume:
            return (*words, "--resume", str(self.directory), *self._flags.training)
        return (*words, "--out", str(self.directory), "--or-resume")

    def _read_settings(self) -> tuple[dict[str, typing.Any], str]:
        """As dictionaries, and as the text of a --config."""
        words = list(self._flags.training)
        if self._flags.resume:
            if self._flags.out:
                raise Error("--resume goes on in its own directory: leave --out away")
            if _names(words, "--config") or _names(words, "--preset"):
                raise Error("--resume uses the run's own configuration: leave --config and "
                            "--preset away")
            own = pathlib.Path(self._flags.resume, "config.textproto")
            if not own.is_file():
                raise Error(f"--resume: {self._flags.resume} is no run directory, it has no "
                            "config.textproto; `pmoe dashboard runs/` lists runs")
            words += ["--config", str(own)]
        elif not (_names(words, "--mode") or _names(words, "--config") or
                  any("schedule.mode=" in word for word in words)):
            words += ["--mode", "async"]
        text = _print_config(words)
        settings = textproto.parse(text, "pmoe config print", REPEATED)
        if self._flags.learner_cpus and not self._flags.resume:
            words += ["--set", f"learner.threads={self._flags.learner_cpus}"]
            text = _print_config(words)
        return settings, text

    def _choose_directory(self) -> pathlib.Path:
        if self._flags.resume:
            return pathlib.Path(self._flags.resume).absolute()
        if self._flags.out:
            directory = pathlib.Path(self._flags.out).absolute()
            if (directory / "config.textproto").exists():
                raise Error(f"{self._flags.out} holds a run already; go on with it by --resume "
                            f"{self._flags.out}, or give another --out")
            return directory
        task = self.settings["env"]["id"]
        if ":" in task:  # "mjcf:robots/ant.textproto" is "ant"
            task = pathlib.PurePath(task.replace(":", "/")).stem
        begin = time.strftime("%Y%m%d-%H%M%S")
        name = f"{task}-{self.settings['algorithm']}-s{self.settings['seed']}-{begin}"
        return pathlib.Path("runs", name).absolute()

    def _take(self) -> typing.IO[bytes]:
        """The lock that `pmoe up` holds too, if nobody trains here."""
        for name in ("lock", "up.lock"):
            file = open(self.directory / name, "a+b")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.close()
                raise Error(f"another process is training in {self.directory}; nothing was "
                            "changed. Stop it first, or give another directory") from None
            if name == "lock":  # is the learner's, which comes and goes
                file.close()
        return file

    def _check_env(self) -> None:
        """As actors will make it. A new run's directory keeps what it is."""
        env = self.settings["env"]
        words = ["pmoe-actor", "check-env", "--quiet", "--env", env["id"]]
        for arg in env.get("arg", []):
            words += ["--env-arg", f"{arg['name']}={arg['value']}"]
        if env.get("assets"):
            words += ["--assets", env["assets"]]
        if env.get("python"):
            words += ["--python", env["python"]]
        resume = self._flags.resume
        words += ["--run" if resume else "--record", str(self.directory)]
        if self._flags.allow_other_env:
            words.append("--allow-other-env")
        command.run(words)

    def _make_certificates(self) -> None:
        """One for each member, good for it alone; the key that signed them goes at once."""
        folder = self._private.path / "certs"
        command.run(["pmoe", "certs", "init", "--out", str(folder), "--actors", str(self.actors),
                     "--replays", str(self.shards)])
        for name in ("key.pem", "ca.pem"):
            (folder / "ca" / name).unlink()
        self.directory.joinpath("up.security").write_text(f"tls {folder}/admin\n")

    def _newest(self) -> int:
        """Env steps of the newest checkpoint; -1: none."""
        names = [entry.name for entry in self.directory.glob("checkpoints/*")]
        return max((int(name) for name in names if name.isdecimal()), default=-1)


def _print_config(words: list[str]) -> str:
    try:
        return command.run(["pmoe", "config", "print", *words])
    except CommandError as error:
        text = str(error).replace("pmoe config print --help", "pmoe ray --help")
        raise CommandError(error.command, error.code, error.output, text) from None


def _names(words: list[str], flag: str) -> bool:
    return any(word == flag or word.startswith(flag + "=") for word in words)


def _texts(folder: pathlib.Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in folder.iterdir()}
