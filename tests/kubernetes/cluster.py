"""A real API server of Kubernetes with a real etcd behind it. Nothing runs the pods: no kubelet, no controller."""

from __future__ import annotations

import json
import ssl
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import httpx
import trustme
import yaml

from tests.backends.server import HOST, Server, ServerError
from tests.waiting import eventually

TOKEN = "made-up-token-of-an-administrator"
Object = dict[str, Any]


class Etcd(Server):
    """Where the API server keeps everything."""

    part: ClassVar[str] = "etcd"
    port_names: ClassVar[tuple[str, ...]] = ("http", "peer")

    def command(self, built: Path) -> list[str]:
        """See `Server.command`."""
        peer = f"http://{HOST}:{self.ports['peer']}"
        return [
            str(built / "bin" / "server"),
            "--name=only",
            f"--data-dir={self.data / 'data'}",
            f"--listen-client-urls={self.url}",
            f"--advertise-client-urls={self.url}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=only={peer}",
            "--unsafe-no-fsync",
        ]

    def is_ready(self) -> bool:
        """See `Server.is_ready`."""
        return self.request("GET", "/health").is_success


class ApiServer(Server):
    """The API server, for one administrator; what pods may is judged by the admission that real clusters have."""

    part: ClassVar[str] = "kube-apiserver"
    port_names: ClassVar[tuple[str, ...]] = ("https",)
    start_seconds: ClassVar[float] = 180.0

    def __init__(self, data: Path, etcd: Etcd) -> None:
        super().__init__(data)
        self._etcd = etcd
        self._authority = trustme.CA()

    @property
    def url(self) -> str:
        """Where its API is."""
        return f"https://{HOST}:{self.ports['https']}"

    def command(self, built: Path) -> list[str]:
        """See `Server.command`."""
        certificate = self._authority.issue_cert(HOST)
        certificate.cert_chain_pems[0].write_to_path(str(self.data / "tls.crt"))
        certificate.private_key_pem.write_to_path(str(self.data / "tls.key"))
        self._authority.cert_pem.write_to_path(str(self.data / "ca.crt"))
        (self.data / "tokens.csv").write_text(f'{TOKEN},administrator,administrator,"system:masters"\n')
        return [
            str(built / "bin" / "kube-apiserver"),
            f"--etcd-servers={self._etcd.url}",
            f"--bind-address={HOST}",
            f"--advertise-address={HOST}",
            f"--secure-port={self.ports['https']}",
            f"--cert-dir={self.data}",
            f"--tls-cert-file={self.data / 'tls.crt'}",
            f"--tls-private-key-file={self.data / 'tls.key'}",
            f"--token-auth-file={self.data / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self.data / 'tls.key'}",
            f"--service-account-signing-key-file={self.data / 'tls.key'}",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--endpoint-reconciler-type=none",
            "--disable-admission-plugins=ServiceAccount",  # no controller makes the default accounts
        ]

    def is_ready(self) -> bool:
        """See `Server.is_ready`."""
        return self.request("GET", "/readyz").is_success

    def request(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """One request as the administrator."""
        return self._https.request(method, self.url + path, **arguments)

    @cached_property
    def _https(self) -> httpx.Client:
        context = ssl.create_default_context()
        self._authority.configure_trust(context)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        return httpx.Client(verify=context, headers=headers, timeout=60, trust_env=False)

    def kubeconfig(self) -> Path:
        """A file by which Helm reaches it."""
        path = self.data / "kubeconfig.json"
        cluster = {"server": self.url, "certificate-authority": str(self.data / "ca.crt")}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": {"token": TOKEN}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
        path.write_text(json.dumps(config))  # JSON is YAML
        return path

    def namespace(self, name: str, **labels: str) -> None:
        """Make a namespace where it isn't there."""
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})

    def apply(self, one: Object, *, dry: bool = False, by: str = "tests") -> Object:
        """Server-side apply, strict: a field that isn't known is an error. Raises `ServerError`."""
        answer = self.applied(one, dry=dry, by=by)
        if not answer.is_success:
            raise ServerError(f"{one['kind']} {one['metadata']['name']}: {answer.json().get('message')}")
        found: Object = answer.json()
        return found

    def applied(self, one: Object, *, dry: bool = False, by: str = "tests") -> httpx.Response:
        """The same, whatever the answer."""
        parameters = {"fieldManager": by, "fieldValidation": "Strict"} | ({"dryRun": "All"} if dry else {})
        headers = {"Content-Type": "application/apply-patch+yaml"}
        return self.request("PATCH", self.path(one), params=parameters, headers=headers, content=json.dumps(one))

    def get(self, one: Object) -> Object:
        """What it has of an object. Raises `ServerError` where it has none."""
        found: Object = self.get_json(self.path(one))
        return found

    def define(self, file: Path) -> None:
        """A kind of one's own (CustomResourceDefinition), and wait until it can be used."""
        definition = yaml.safe_load(file.read_text())
        self.apply(definition)
        spec = definition["spec"]
        path = f"/apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}"
        eventually(lambda: self.request("GET", path).is_success, 60, what=f"the API of {spec['names']['kind']}")

    def path(self, one: Object) -> str:
        """Where the API has an object."""
        version = one["apiVersion"]
        base = f"/apis/{version}" if "/" in version else f"/api/{version}"
        resource = next(
            (
                found
                for found in self.get_json(base)["resources"]
                if found["kind"] == one["kind"] and "/" not in found["name"]
            ),
            None,
        )
        if resource is None:
            raise ServerError(f"{version} has no kind {one['kind']}")
        within = f"/namespaces/{one['metadata']['namespace']}" if resource["namespaced"] else ""
        return f"{base}{within}/{resource['name']}/{one['metadata']['name']}"
