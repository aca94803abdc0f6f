#!/usr/bin/env python3
"""deploy/kubernetes: valid by Kubernetes' own schemas (PyPI's kubernetes-validate), and consistent:
names that pods use exist, every container is locked down and probed, both learners are alike."""
import itertools
import pathlib
import re
import shutil
import subprocess
import unittest

try:
    import yaml
except ImportError:
    yaml = None

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy/kubernetes"
FILES = sorted(FOLDER.rglob("*.yaml"))
VALIDATE = shutil.which("kubernetes-validate")
VERSIONS = ("1.30.0", "1.37.0")  # the oldest with all that is used, and the newest known
ROLES = {"replay": "replay", "actor": "actor", "evaluator": "actor", "learner": "learner"}


def objects():
    """(path, object) of every document of every file."""
    for path in FILES:
        for document in yaml.safe_load_all(path.read_text()):
            yield path.relative_to(FOLDER), document


def pods():
    """(path, name, pod spec, container) of everything that runs."""
    for path, thing in objects():
        spec = thing.get("spec", {}).get("template", {}).get("spec")
        if spec:
            for container in spec["containers"]:
                yield path, thing["metadata"]["name"], spec, container


def flags(container):
    return dict(arg.lstrip("-").split("=", 1) for arg in container["args"] if "=" in arg)


@unittest.skipUnless(yaml, "no yaml: apt-get install python3-yaml (./pmoe check deploy does)")
class ManifestTest(unittest.TestCase):
    def of_kind(self, kind):
        return {thing["metadata"]["name"]: thing for _, thing in objects() if thing["kind"] == kind}

    def test_every_container_is_locked_down(self):
        for path, _, spec, container in pods():
            self.assertTrue(spec["securityContext"]["runAsNonRoot"], path)
            self.assertEqual(spec["securityContext"]["seccompProfile"]["type"], "RuntimeDefault")
            self.assertFalse(spec["automountServiceAccountToken"], path)
            self.assertEqual(container["securityContext"], {
                "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]}}, path)
            self.assertIn("memory", container["resources"]["limits"], path)

    def test_every_container_is_probed_with_a_certificate_or_not_by_grpc(self):
        for path, _, _, container in pods():
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                self.assertIn(probe, container, path)
                self.assertNotIn("grpc", container[probe], path)
            self.assertIn({"name": "PMOE_TLS", "value": "/tls"}, container["env"], path)

    def test_every_role_has_the_certificate_of_its_role(self):
        for path, name, spec, _ in pods():
            secrets = [volume["secret"]["secretName"] for volume in spec["volumes"]
                       if "secret" in volume]
            self.assertEqual(secrets, [f"pmoe-tls-{ROLES[name]}"], path)
        made = re.search(r"for role in (.*);", (FOLDER / "make_secrets.sh").read_text()).group(1)
        self.assertLessEqual(set(ROLES.values()), set(made.split()))

    def test_every_mounted_volume_is_there(self):
        for path, _, spec, container in pods():
            there = {volume["name"] for volume in spec["volumes"]}
            if path.name == "replay.yaml":
                there.add("replay")  # of the claim's template
            self.assertEqual({mount["name"] for mount in container["volumeMounts"]}, there, path)

    def test_every_address_names_a_service_and_its_port(self):
        services = self.of_kind("Service")
        for path, _, _, container in pods():
            for flag in ("learner", "advertise"):
                if flag in flags(container):
                    host, port = flags(container)[flag].rsplit(":", 1)
                    service = services[host.rsplit(".", 1)[-1]]
                    self.assertIn(int(port), [p["port"] for p in service["spec"]["ports"]], path)

    def test_the_number_of_shards_is_the_number_of_replay_pods(self):
        text = self.of_kind("ConfigMap")["pmoe-run"]["data"]["run.textproto"]
        replicas = self.of_kind("StatefulSet")["replay"]["spec"]["replicas"]
        self.assertEqual(int(re.search(r"shards: (\d+)", text).group(1)), replicas)

    def test_both_learners_differ_only_in_their_device(self):
        cpu, gpu = ((FOLDER / kind / "learner.yaml").read_text().splitlines()
                    for kind in ("cpu", "gpu"))
        different = [pair for pair in itertools.zip_longest(cpu, gpu) if pair[0] != pair[1]]
        self.assertEqual(len(different), 5, different)
        for _, line in different:
            self.assertRegex(line, "GPU|gpu|cuda")

    def test_the_autoscaler_asks_for_what_the_adapter_serves(self):
        adapter = yaml.safe_load((FOLDER / "autoscaling/adapter_rules.yml").read_text())
        metric = self.of_kind("HorizontalPodAutoscaler")["actor"]["spec"]["metrics"][0]
        self.assertEqual(metric["external"]["metric"]["name"],
                         adapter["externalRules"][0]["name"]["as"])

    def test_every_program_knows_its_flags(self):
        for path, name, _, container in pods():
            for flag in flags(container):
                role = {"replay": "replay/service/replay_main.cc",
                        "learner": "learner/learner_main.cc"}.get(name, "actor/actor_main.cc")
                self.assertIn(flag, self.declared_flags(role), f"{path}: {role}")

    @staticmethod
    def declared_flags(path):
        shared = ("common/config/config_flags.cc", "common/rpc/security_flags.cc",
                  "dashboard/dashboard_flags.cc")
        texts = [(ROOT / name).read_text() for name in (path, *shared)]
        return set(re.findall(r'"--([a-z-]+)', "".join(texts)))


@unittest.skipUnless(VALIDATE, "no kubernetes-validate: deploy/check.sh installs it")
class SchemaTest(unittest.TestCase):
    def test_every_file_meets_the_schemas(self):
        for version in VERSIONS:
            done = subprocess.run([VALIDATE, "--strict", "-k", version, *FILES],
                                  capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
