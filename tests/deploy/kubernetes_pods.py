"""For deploy/test_kubernetes.sh: what of deploy/kubernetes `podman kube play` can run, as files.

    kubernetes_pods.py RUN_TEXTPROTO LEARNER_IP REPLAY_IP OUT

Of Job, StatefulSet and Deployments it takes the pods, as they stand but for what podman 4.3 lacks.
Prints a line for each probe: pod, kind, words of an exec probe or path of an HTTP one.
"""
import copy
import pathlib
import sys

import yaml

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "deploy/kubernetes"


def documents(name, kind):
    return [thing for thing in yaml.safe_load_all((FOLDER / name).read_text())
            if thing["kind"] == kind]


def for_podman(name, spec, addresses, secrets):
    """Podman 4.3 has no DNS of Services, no fsGroup and no modes of Secrets, expands no $(NAME) in
    arguments, shares an emptyDir of one name among pods, and would publish every containerPort on
    the host; without systemd it runs no probes."""
    spec["hostAliases"] = [{"ip": ip, "hostnames": [host]} for host, ip in addresses.items()]
    for volume in spec["volumes"]:
        if "secret" in volume:
            role = volume.pop("secret")["secretName"].removeprefix("pmoe-tls-")
            volume["hostPath"] = {"path": str(secrets / role), "type": "Directory"}
    container, = spec["containers"]
    container["imagePullPolicy"] = "Never"  # what was loaded
    container["args"] = [word.replace("$(POD)", name) for word in container["args"]]
    container.pop("ports")
    for things in (spec["volumes"], container["volumeMounts"]):
        for thing in things:
            if thing["name"] == "tmp":
                thing["name"] = f"tmp-{name}"
    for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
        probe = container.pop(kind)
        words = probe["exec"]["command"] if "exec" in probe else [probe["httpGet"]["path"]]
        print(name, kind, *words)


def pod(name, template, addresses, secrets, claim=None):
    spec = copy.deepcopy(template["spec"])
    if claim:
        spec.setdefault("volumes", []).append(
            {"name": "replay", "persistentVolumeClaim": {"claimName": claim}})
    for_podman(name, spec, addresses, secrets)
    return {"apiVersion": "v1", "kind": "Pod", "spec": spec,
            "metadata": {"name": name, "labels": template["metadata"]["labels"]}}


def main(run, learner_ip, replay_ip, out):
    out = pathlib.Path(out).resolve()
    around = ({"learner": learner_ip, "replay-0.replay": replay_ip}, out / "secrets")
    config, = documents("config.yaml", "ConfigMap")
    config["data"]["run.textproto"] = pathlib.Path(run).read_text()
    claim, = documents("storage.yaml", "PersistentVolumeClaim")
    job, = documents("cpu/learner.yaml", "Job")
    replay, = documents("replay.yaml", "StatefulSet")
    actor, = documents("actor.yaml", "Deployment")
    evaluator, = documents("evaluator.yaml", "Deployment")
    shard = {"apiVersion": "v1", "kind": "PersistentVolumeClaim",
             "metadata": {"name": "replay-replay-0"},
             "spec": replay["spec"]["volumeClaimTemplates"][0]["spec"]}
    pods = {"claims": [claim, shard],
            "learner": [config, pod("learner", job["spec"]["template"], *around)],
            "replay-0": [pod("replay-0", replay["spec"]["template"], *around,
                             claim="replay-replay-0")],
            "evaluator": [pod("evaluator", evaluator["spec"]["template"], *around)]}
    for name in ("actor-0", "actor-1"):
        pods[name] = [pod(name, actor["spec"]["template"], *around)]
    for name, things in pods.items():
        for thing in things:
            thing["metadata"].pop("namespace", None)
        (out / f"{name}.yaml").write_text(yaml.safe_dump_all(things))


if __name__ == "__main__":
    main(*sys.argv[1:])
