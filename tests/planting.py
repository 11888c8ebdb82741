"""Secrets of every kind, made up anew for each test, and the ways in which they get into a text.

They are written as the providers document them, not as our patterns have them. Nothing here may be printed: a test that
finds one names its kind.
"""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Callable, Iterable
from typing import NamedTuple

_ALNUM = string.ascii_letters + string.digits
_UPPER = string.ascii_uppercase + string.digits
_URLSAFE = _ALNUM + "_-"
_BASE64 = _ALNUM + "+/"
_HEX = "0123456789abcdef"


class Hidden(str):
    """A text that isn't shown where a failing test shows its values."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "…"


class Planted(NamedTuple):
    """A secret, the text that carries it, and the pieces of which none may be found again."""

    kind: str
    text: str
    pieces: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Planted({self.kind})"


class Planter:
    """Makes them from a seed."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311  the same in every run

    def some(self, length: int, letters: str = _ALNUM) -> str:
        # as in real ones, letters of both cases and digits are mixed
        return "".join(self._chance.choices(letters, k=length))

    def password(self) -> str:
        return self.some(8) + self._chance.choice("!%*^~") + self.some(5)

    def base64(self, size: int) -> str:
        return base64.b64encode(self._chance.randbytes(size)).decode()

    def by_looks(self, kind: str) -> str:
        """A secret that its looks alone give away."""
        return _BY_LOOKS[kind](self)

    def private_key(self, kind: str = "RSA ") -> list[str]:
        """The lines of a PEM; the third to last but one are the key."""
        width = 70 if kind == "OPENSSH " else 64
        text = _BEGINNINGS[kind] + self.base64(self._chance.choice((300, 600, 1191)))
        if len(text) % width < _SHORTEST_PIECE:  # a few letters would be found anywhere
            text = text[: -(len(text) % width) or None]
        lines = [text[at : at + width] for at in range(0, len(text), width)]
        return [f"-----BEGIN {kind}PRIVATE KEY-----", *lines, f"-----END {kind}PRIVATE KEY-----"]

    def every_kind(self) -> Iterable[Planted]:
        """One of each: by looks alone, by the word before, and private keys whole and in pieces."""
        for kind in _BY_LOOKS:
            secret = self.by_looks(kind)
            yield Planted(kind, self._chance.choice(_AROUND).replace("§", secret), (secret,))
        for kind, form in _BY_WORD.items():
            secret = self.some(20) if "bearer" in kind else self.password()
            yield Planted(kind, form.replace("§", secret), (secret,))
        for kind in ("Anthropic", "OpenAI project", "GitHub personal", "GitHub fine-grained", "npm", "JWT", "Vault"):
            secret = self.by_looks(kind)
            at = self._chance.randint(_SHORTEST_PIECE, len(secret) - _SHORTEST_REST)
            for name, cut in _CUTS.items():
                text = self._chance.choice(_AROUND).replace("§", secret[:at] + cut + secret[at:])
                yield Planted(f"{kind}, {name}", text, (secret[:at], secret[at:]))
        for kind in ("", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "):
            lines = self.private_key(kind)
            inner = tuple(lines[1:-1])
            name = f"{kind or 'PKCS8 '}private key"
            yield Planted(name, "found\n" + "\n".join(lines) + "\nin the file", inner)
            yield Planted(f"{name} in JSON", json.dumps({"data": "\n".join(lines)}), inner)
            yield Planted(f"{name} without an end", "\n".join(lines[:3]), inner[:2])
            yield Planted(f"{name} without a beginning", "\n".join(lines[2:]), inner[1:])
            yield Planted(f"{name}, the middle", "\n".join(lines[2:-3]), inner[1:-2])
            yield Planted(f"{name}, one line", lines[2], (lines[2],))
            yield Planted(f"{name} with line numbers", _numbered(lines[2:-3]), inner[1:-2])

    def everywhere(self, planted: Planted) -> Iterable[str]:
        """The text as it may stand in another: alone, in a sentence, in JSON, in JSON in JSON, in a stack trace."""
        text = planted.text
        quoted = json.dumps({"output": [{"text": f"said:\n{text}"}], "n": 1})
        in_a_trace = f'Traceback (most recent call last):\n  File "/srv/x.py", line 3, in run\nValueError: {text}'
        inside = f"line one\n{text}\nline three"
        yield from map(Hidden, (text, inside, quoted, json.dumps({"body": quoted}), in_a_trace))


_SHORTEST_PIECE = 12
_SHORTEST_REST = 20
_CUTS = {
    "cut by a line break": "\n",
    "cut, with a margin": "\r\n    ",
    "cut in a box": " │\n│ ",
    "with a colour inside": "\x1b[0m",
    "with a letter without a width inside": "\u200b",
}
_BEGINNINGS = {
    "": "MIIEvQIBADANBgkqhkiG9w0B",
    "RSA ": "MIIEpAIBAAKCAQEA",
    "EC ": "MHcCAQEEI",
    "OPENSSH ": "b3BlbnNzaC1rZXktdjEAAAAA",
    "ENCRYPTED ": "MIIFHDBOBgkqhkiG9w0BBQ0w",
}


def _numbered(lines: list[str]) -> str:
    return "\n".join(f"{number:6}\t{line}" for number, line in enumerate(lines, 2))


_AROUND = ("§", "key § was used", "the key is '§'.", "X=§;", "[§]", "see: §, please", "<§>", "\n§\n", "a\t§\tb")

_BY_LOOKS: dict[str, Callable[[Planter], str]] = {
    "Anthropic": lambda p: f"sk-ant-api03-{p.some(93, _URLSAFE)}AA",
    "Anthropic OAuth": lambda p: f"sk-ant-oat01-{p.some(93, _URLSAFE)}AA",
    "OpenAI": lambda p: f"sk-{p.some(20)}T3BlbkFJ{p.some(20)}",
    "OpenAI project": lambda p: f"sk-proj-{p.some(74, _URLSAFE)}T3BlbkFJ{p.some(74, _URLSAFE)}",
    "OpenAI service": lambda p: f"sk-svcacct-{p.some(58, _URLSAFE)}T3BlbkFJ{p.some(58, _URLSAFE)}",
    "OpenRouter": lambda p: f"sk-or-v1-{p.some(64, _HEX)}",
    "DeepSeek": lambda p: f"sk-{p.some(32, _HEX)}",
    "Hugging Face": lambda p: f"hf_{p.some(34, string.ascii_letters)}",
    "Groq": lambda p: f"gsk_{p.some(52)}",
    "xAI": lambda p: f"xai-{p.some(80)}",
    "Perplexity": lambda p: f"pplx-{p.some(48)}",
    "Replicate": lambda p: f"r8_{p.some(37)}",
    "LangSmith": lambda p: f"lsv2_pt_{p.some(32, _HEX)}_{p.some(10, _HEX)}",
    "Pinecone": lambda p: f"pcsk_{p.some(6)}_{p.some(60)}",
    "GitHub personal": lambda p: f"ghp_{p.some(36)}",
    "GitHub OAuth": lambda p: f"gho_{p.some(36)}",
    "GitHub server": lambda p: f"ghs_{p.some(36)}",
    "GitHub fine-grained": lambda p: f"github_pat_{p.some(22)}_{p.some(59)}",
    "GitLab": lambda p: f"glpat-{p.some(20, _URLSAFE)}",
    "GitLab runner": lambda p: f"glrt-{p.some(20, _URLSAFE)}",
    "GitLab CI": lambda p: f"glcbt-{p.some(2, _HEX)}_{p.some(20, _URLSAFE)}",
    "Atlassian": lambda p: f"ATATT3{p.some(186, _URLSAFE + '=')}",
    "Bitbucket": lambda p: f"ATBB{p.some(32)}",
    "npm": lambda p: f"npm_{p.some(36)}",
    "PyPI": lambda p: f"pypi-AgEIcHlwaS5vcmc{p.some(150, _URLSAFE)}",
    "RubyGems": lambda p: f"rubygems_{p.some(48, _HEX)}",
    "Docker": lambda p: f"dckr_pat_{p.some(27, _URLSAFE)}",
    "CircleCI": lambda p: f"CCIPAT_{p.some(22)}_{p.some(40, _HEX)}",
    "Buildkite": lambda p: f"bkua_{p.some(40, _HEX)}",
    "Artifactory": lambda p: f"AKCp{p.some(69)}",
    "Linear": lambda p: f"lin_api_{p.some(40)}",
    "Figma": lambda p: f"figd_{p.some(40, _URLSAFE)}",
    "Notion": lambda p: f"ntn_{p.some(46)}",
    "Postman": lambda p: f"PMAK-{p.some(24, _HEX)}-{p.some(34, _HEX)}",
    "AWS": lambda p: f"AKIA{p.some(16, _UPPER)}",
    "AWS temporary": lambda p: f"ASIA{p.some(16, _UPPER)}",
    "Google API": lambda p: f"AIza{p.some(35, _URLSAFE)}",
    "Google OAuth": lambda p: f"GOCSPX-{p.some(28, _URLSAFE)}",
    "Google access": lambda p: f"ya29.{p.some(120, _URLSAFE)}",
    "Azure storage": lambda p: f"AccountKey={p.base64(64)}",
    "Azure bus": lambda p: f"SharedAccessKey={p.base64(32)}",
    "Azure signature": lambda p: f"sig={p.some(43, _ALNUM)}%3D",
    "DigitalOcean": lambda p: f"dop_v1_{p.some(64, _HEX)}",
    "Databricks": lambda p: f"dapi{p.some(32, _HEX)}",
    "Heroku": lambda p: f"HRKU-AA{p.some(58, _URLSAFE)}",
    "Netlify": lambda p: f"nfp_{p.some(36)}",
    "Supabase": lambda p: f"sbp_{p.some(40, _HEX)}",
    "Fly": lambda p: f"fm2_{p.some(100, _BASE64)}",
    "Tailscale": lambda p: f"tskey-auth-{p.some(12)}CNTRL-{p.some(32)}",
    "Doppler": lambda p: f"dp.pt.{p.some(43)}",
    "Vault": lambda p: f"hvs.{p.some(95, _URLSAFE)}",
    "Terraform Cloud": lambda p: f".atlasv1.{p.some(67)}",
    "Pulumi": lambda p: f"pul-{p.some(40, _HEX)}",
    "PlanetScale": lambda p: f"pscale_tkn_{p.some(43)}",
    "Grafana": lambda p: f"glsa_{p.some(32)}_{p.some(8, _HEX)}",
    "Grafana Cloud": lambda p: f"glc_{p.base64(90)}",
    "New Relic": lambda p: f"NRAK-{p.some(27, _UPPER)}",
    "Dynatrace": lambda p: f"dt0c01.{p.some(24, _UPPER)}.{p.some(64, _UPPER)}",
    "Sentry": lambda p: f"sntryu_{p.some(64, _HEX)}",
    "Slack bot": lambda p: f"xoxb-{p.some(12, '123456789')}-{p.some(13, '123456789')}-{p.some(24)}",
    "Slack user": lambda p: f"xoxp-{p.some(12, '123456789')}-{p.some(12, '123456789')}-{p.some(32, _HEX)}",
    "Slack app": lambda p: f"xapp-1-A{p.some(10, _UPPER)}-{p.some(13, '123456789')}-{p.some(64, _HEX)}",
    "Slack webhook": lambda p: f"hooks.slack.com/services/T{p.some(8, _UPPER)}/B{p.some(10, _UPPER)}/{p.some(24)}",
    "Discord webhook": lambda p: f"discord.com/api/webhooks/{p.some(18, '123456789')}/{p.some(68, _URLSAFE)}",
    "Teams webhook": lambda p: f"webhook.office.com/webhookb2/{p.some(36, _HEX)}/IncomingWebhook/{p.some(32, _HEX)}",
    "Discord bot": lambda p: f"Bot M{p.some(23)}.{p.some(6)}.{p.some(38, _URLSAFE)}",
    "Telegram": lambda p: f":AA{p.some(33, _URLSAFE)}",
    "Twilio": lambda p: f"SK{p.some(32, _HEX)}",
    "SendGrid": lambda p: f"SG.{p.some(22, _URLSAFE)}.{p.some(43, _URLSAFE)}",
    "Brevo": lambda p: f"xkeysib-{p.some(64, _HEX)}-{p.some(16)}",
    "Typeform": lambda p: f"tfp_{p.some(44, _URLSAFE)}",
    "Stripe": lambda p: f"sk_live_{p.some(24)}",
    "Stripe restricted": lambda p: f"rk_test_{p.some(99)}",
    "Stripe webhook": lambda p: f"whsec_{p.base64(24)}",
    "Shopify": lambda p: f"shpat_{p.some(32, _HEX)}",
    "Square": lambda p: f"sq0atp-{p.some(22, _URLSAFE)}",
    "JWT": lambda p: f"eyJhbGciOiJIUzI1NiJ9.eyJ{p.some(60, _URLSAFE)}.{p.some(43, _URLSAFE)}",
    "our token": lambda p: f"ort_{p.some(43, _URLSAFE)}",
    "age": lambda p: f"AGE-SECRET-KEY-1{p.some(58, 'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L')}",
    "Azure client": lambda p: f"{p.some(3)}8Q~{p.some(34, _ALNUM + '_~.-')}",
}
_BY_WORD = {
    "password=": "login with password=§ failed",
    "password in JSON": '{"user": "u", "password": "§", "n": 3}',
    "password in a dict": "{'user': 'u', 'password': '§'}",
    "password in YAML": "user: u\npassword: §\nport: 5",
    "password in YAML, next line": "database:\n  password: >-\n    §\n  port: 5",
    "password in an environment": "PATH=/bin\nDB_PASSWORD=§\nHOME=/root",
    "exported": "export PGPASSWORD='§'",
    "on a command line": "mysql --user=u --password § --host h",
    "on a command line with =": "tool --api-key=§ --verbose",
    "password in XML": "<user>u</user><password>§</password>",
    "password in a URL": "postgres://someone:§@db.internal:5432/x",
    "AWS secret key": "aws_secret_access_key = §AbCdEfGhIj0123456789/+x",
    "AWS secret key in an environment": "AWS_SECRET_ACCESS_KEY=§AbCdEfGhIj0123456789",
    "Datadog key": "DD_API_KEY=§",
    "Datadog app key": '{"DD_APP_KEY": "§"}',
    "API key header": "X-Api-Key: §",
    "camel case": '{"clientSecret":"§","accessToken":1}',
    "a query": "GET /x?a=1&access_token=§&b=2",
    "bearer": "curl -H 'Authorization: Bearer §abcdef' http://h/",
    "bearer alone": "sent bearer §abcdefgh",
    "basic": "Authorization: Basic §YWJjZA==",
    "cookie": "Cookie: theme=dark; session=§; n=1",
    "set-cookie": "Set-Cookie: sid=§; HttpOnly",
    "npmrc": "//registry.example/:_authToken=§",
    "Go": 'apiKey := "§"',
    "Ruby": ":password => '§'",
    "TOML": 'secret_key = "§"',
    "escaped JSON": r"{\"token\": \"§\"}",
    "passphrase": "passphrase: §",
    "curl": "curl -sS -u admin:§ https://h.example/x",
    "MySQL": "mysqldump -uroot -p§ db > dump.sql",
    "sshpass": "sshpass -p § ssh h",
    "a registry's login": "docker login -u a -p § r.example",
    "netrc": "machine h.example\n  login u\n  password §\n",
    "Japanese": "データベースのパスワード: §",
    "= as JSON writes it": r"login with password\u003d§ failed",
    "= in an address": "next=%2Flogin%3Fpassword%3D§",
    "= in HTML": "<p>password&#61;§</p>",
    "password with a / in a URL": "postgres://someone:pa/§@db.internal:5432/x",
}
