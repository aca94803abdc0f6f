"""Keeps the members of a run alive until it is finished or stopped: has Ray start them, and again
what dies; ends them in order. Used by one thread of the process that `pmoe ray` is."""

from __future__ import annotations

import collections
import threading
import time
import typing

from pmoe.errors import Error
from pmoe.ray_cluster.member import Member
from pmoe.ray_cluster.plan import Role, Run

POLL_S = 0.3
ANSWER_S = 30.0            # a member that is silent for so long is told of
DELAY_FIRST_S, DELAY_MAX_S = 0.2, 10.0
HEALTHY_S = 30.0           # a life this long forgives the ones before
RESTARTS_MAX = 8           # of one member within a minute
LEARNER_GRACE_S, GRACE_S = 60.0, 12.0
MENDABLE = 2               # exit code: trying again cannot help
TAIL = 5
STOP_ORDER = (("learner",), ("actor", "evaluator"), ("replay",))


class Ended(Exception):
    """Why the run ended before its last step; the exit code is 1."""


class Place:
    """One member's place in the placement group, and who is there now."""

    def __init__(self, role: Role, index: int) -> None:
        self.role, self.index = role, index
        self.name = role.spec.name
        self.handle: typing.Any = None
        self.asked: typing.Any = None         # the answer that is awaited
        self.life, self.said, self.restarts = "", 0, 0
        self.node = ""
        self.begin = self.heard = time.monotonic()
        self.away = False
        self.delay_s, self.again_at = 0.0, 0.0  # again_at: 0 while it runs
        self.done = False
        self.recent: collections.deque[float] = collections.deque()
        self.tail: collections.deque[str] = collections.deque(maxlen=TAIL)


class Supervisor:
    """interrupted: how often the user has asked for the end."""

    def __init__(self, run: Run, group: typing.Any, prefix: str,
                 interrupted: typing.Callable[[], int], tell: typing.Callable[[str], None]) -> None:
        self._run, self._group, self._prefix = run, group, prefix
        self._interrupted, self._tell = interrupted, tell
        self._places = [Place(role, i) for i, role in enumerate(run.roles(prefix))]
        self._wait = threading.Event().wait
        self._unanswered = False  # of those who were told to stop last

    def run(self) -> None:
        """Until the run is finished or interrupted, with every member ended.

        Raises:
            Error: what the user can mend.
            Ended: anything else.
        """
        finished = False
        try:
            for place in self._places:
                self._start(place)
            finished = self._watch()
        finally:
            bad = self._stop_all(told=finished)
        if bad:
            raise Ended(f"{bad}; the newest checkpoint may be an older one")

    def _start(self, place: Place) -> None:
        import ray
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy
        resources = dict(place.role.resources)
        restart = not self._run.lockstep or place.role.spec.role == "evaluator"
        place.handle = ray.remote(Member).options(
            name=self._prefix + place.name.replace(" ", "-"),
            num_cpus=resources.get("CPU", 0.0), num_gpus=resources.get("GPU", 0.0),
            max_restarts=-1 if restart else 0, max_task_retries=0, max_concurrency=4,
            scheduling_strategy=PlacementGroupSchedulingStrategy(
                placement_group=self._group, placement_group_bundle_index=place.index),
        ).remote(place.role.spec)
        place.asked = None

    def _watch(self) -> bool:
        """True: the run is finished."""
        while not self._interrupted():
            for place in self._places:
                self._look_at(place)
                if place.done and place.role.spec.role == "learner":
                    return True
            self._wait(POLL_S)
        return False

    def _look_at(self, place: Place) -> None:
        import ray
        now = time.monotonic()
        if place.done:
            return
        if place.again_at:
            if now >= place.again_at:
                place.again_at = 0.0
                place.handle.again.remote()
            return
        if place.asked is None:
            place.asked = place.handle.news.remote(place.said)
        if not ray.wait([place.asked], timeout=0)[0]:
            if now - place.heard > ANSWER_S and not place.away:
                self._lost(place, "does not answer")
            return
        asked, place.asked = place.asked, None
        try:
            self._hear(place, ray.get(asked))
        except ray.exceptions.ActorUnavailableError:
            self._lost(place, "is gone")
        except ray.exceptions.RayActorError as error:
            self._on_death(place, error)

    def _hear(self, place: Place, news: dict[str, typing.Any]) -> None:
        place.heard, place.away = time.monotonic(), False
        if news["life"] != place.life:
            self._on_life(place, news)
            return  # its lines are numbered anew
        place.said = news["said"]
        for line in news["lines"]:
            place.tail.append(line)
            if place.role.spec.role == "learner":
                self._tell(line)
        if news["code"] is not None:
            self._on_end(place, news["code"])

    def _on_life(self, place: Place, news: dict[str, typing.Any]) -> None:
        where = f"node {news['node']}" + (f", at {news['address']}" if place.role.spec.role ==
                                          "learner" else "")
        if place.life:
            place.restarts += 1
            self._count(place, "was lost")
            self._tell(f"{place.name} is back, on {where} (restart {place.restarts})")
        else:
            self._tell(f"{place.name}: {where}")
        place.life, place.said, place.node = news["life"], 0, news["node"]
        place.begin = time.monotonic()

    def _lost(self, place: Place, how: str) -> None:
        if not place.away:
            self._tell(f"WARNING: {place.name}, on node {place.node}, {how}; Ray starts it again "
                       "where there is a place for it")
        place.away = True

    def _on_death(self, place: Place, error: Exception) -> None:
        """Ray does not start it again: lockstep, or somebody ended it for good."""
        first = str(error).strip().splitlines()[0]
        if self._run.lockstep and place.role.spec.role != "evaluator":
            raise Ended(self._lockstep_text(place, f"was lost: {first}"))
        if not place.life:
            raise Ended(f"{place.name} could not be started: {error}")
        self._count(place, "was ended for good by somebody")
        self._tell(f"WARNING: {place.name} was ended for good by somebody; it is made anew")
        self._start(place)

    def _on_end(self, place: Place, code: int) -> None:
        """Its process has ended, and its Ray actor waits for what is to become of it."""
        if code == 0 and self._run.finished:
            place.done = True
            return
        if code == 0 and place.role.spec.role != "learner" and self._learner_ended():
            return
        how = f"ended with exit code {code}" if code >= 0 else f"was killed by signal {-code}"
        last = "\n".join(place.tail)
        told = f"; its last words:\n{last}" if last else ""
        if code == MENDABLE:
            raise Error(f"{place.name}, on node {place.node}, {how}{told}")
        if self._run.lockstep and place.role.spec.role != "evaluator":
            raise Ended(self._lockstep_text(place, how) + told)
        now = time.monotonic()
        if now - place.begin >= HEALTHY_S:
            place.delay_s = 0.0
        place.delay_s = min(1.6 * place.delay_s, DELAY_MAX_S) or DELAY_FIRST_S
        place.again_at = now + place.delay_s
        self._tell(f"WARNING: {place.name}, on node {place.node}, {how}; starts again in "
                   f"{place.delay_s:.1f} s")

    def _lockstep_text(self, place: Place, how: str) -> str:
        return (f"{place.name} {how}, and a lockstep run cannot go on without it: resume it from "
                f"its last checkpoint: pmoe ray --resume {self._run.directory}")

    def _learner_ended(self) -> bool:
        return self._places[0].done

    def _count(self, place: Place, how: str) -> None:
        now = time.monotonic()
        place.recent.append(now)
        while place.recent[0] < now - 60:
            place.recent.popleft()
        if len(place.recent) > RESTARTS_MAX:
            last = "\n".join(place.tail)
            raise Ended(f"{place.name} {how} for the {len(place.recent)}th time within a minute; "
                        f"the run stops. Its last words:\n{last}")

    def _stop_all(self, told: bool) -> str:
        """The learner first, while everybody it needs for a checkpoint is there; then those who
        send rows, then replay, which keeps them. What went wrong with the learner's, in words."""
        import ray
        bad = ""
        for kinds in STOP_ORDER:
            grace = LEARNER_GRACE_S if kinds == ("learner",) else GRACE_S
            places = [p for p in self._places if p.role.spec.role in kinds and p.handle is not None]
            tell = not told
            asked = {p.handle.stop.remote(grace, tell): p for p in places if not p.again_at}
            for place, code in self._answers(asked, grace + 10):
                if code and place.role.spec.role == "learner":
                    bad = f"learner ended with exit code {code}" if code > 0 else \
                        f"learner was killed by signal {-code} while it stopped"
            if kinds == ("learner",) and asked and not bad and self._unanswered:
                bad = "learner was killed while it stopped"
            for place in places:
                if kinds == ("learner",) and not told:
                    self._last_words(place)
                ray.kill(place.handle, no_restart=True)
        return bad

    def _answers(self, asked: dict[typing.Any, Place],
                 limit_s: float) -> typing.Iterator[tuple[Place, int]]:
        import ray
        until, left = time.monotonic() + limit_s, list(asked)
        while left and self._interrupted() < 2 and time.monotonic() < until:
            ready, left = ray.wait(left, timeout=0.2)
            for ref in ready:
                try:
                    yield asked[ref], ray.get(ref)
                except ray.exceptions.RayActorError:
                    pass  # it was between two lives
        for ref in left:
            self._tell(f"WARNING: {asked[ref].name} was killed before it had ended")
        self._unanswered = bool(left)

    def _last_words(self, place: Place) -> None:
        """What the learner says of where the run stopped."""
        import ray
        try:
            news = ray.get(place.handle.news.remote(place.said), timeout=2)
        except (ray.exceptions.RayActorError, ray.exceptions.GetTimeoutError):
            return
        if news["life"] == place.life:
            for line in news["lines"]:
                self._tell(line)
