"""What secrets look like: the one list. The monitor redacts by it, and `make redaction` writes the collector's from it.

Patterns are written in what Python's `re` and Go's RE2 have in common: no lookaround, no possessive quantifier, no
backreference. Where the same pattern must be quick in Go it begins with a literal, which is why there is one entry a
provider and not one big alternation. The forms are those that secret scanners know (detect-secrets, gitleaks) and the
providers' own documentation; hashes, UUIDs, ULIDs and trace ids must match none of them.
"""

from __future__ import annotations

from typing import NamedTuple

REDACTED = "[redacted]"
"""Stands where the monitor found one."""


class Form(NamedTuple):
    """A secret that is known by its own looks."""

    kind: str
    pattern: str
    signs: tuple[str, ...]
    """One of these stands in every match: what is looked for first, because it is cheap."""
    apart: bool = False
    """Counts only where no letter or digit stands before it: `task-…` and `port_…` end like a key's beginning."""
    keep: str = ""
    """A pattern for what may stay in front of the secret, such as the host of a webhook."""


FORMS = (
    # models and their hosts
    Form("Anthropic", r"sk-ant-[a-z]{2,8}[0-9]{2}-[A-Za-z0-9_-]{4,}", ("sk-ant-",)),
    Form("OpenAI and others", r"sk-(?:[A-Za-z0-9]{1,8}-){1,2}[A-Za-z0-9_-]{20,}", ("sk-",), apart=True),
    Form("OpenAI and others, short", r"sk-[A-Za-z0-9]{20,}", ("sk-",), apart=True),
    Form("Hugging Face", r"hf_[A-Za-z0-9]{20,}", ("hf_",)),
    Form("Groq", r"gsk_[A-Za-z0-9]{40,}", ("gsk_",)),
    Form("xAI", r"xai-[A-Za-z0-9]{40,}", ("xai-",)),
    Form("Perplexity", r"pplx-[A-Za-z0-9]{32,}", ("pplx-",)),
    Form("Replicate", r"r8_[A-Za-z0-9]{30,}", ("r8_",)),
    Form("LangSmith", r"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}", ("lsv2_",)),
    Form("Pinecone", r"pcsk_[A-Za-z0-9_]{40,}", ("pcsk_",)),
    # code and packages
    Form("GitHub", r"gh[pousr]_[A-Za-z0-9]{20,}", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_")),
    Form("GitHub fine-grained", r"github_pat_[A-Za-z0-9_]{20,}", ("github_pat_",)),
    Form(
        "GitLab",
        r"gl(?:pat|dt|ft|soat|rt|rtr|cbt|imt|ptt|agent|oas|ffct)-[A-Za-z0-9_.-]{16,}",
        ("pat-", "ldt-", "lft-", "oat-", "lrt-", "rtr-", "cbt-", "imt-", "ptt-", "gent-", "oas-", "fct-"),
    ),
    Form("Atlassian", r"AT(?:ATT3|CTT3|BB)[A-Za-z0-9_=-]{20,}", ("ATATT3", "ATCTT3", "ATBB")),
    Form("npm", r"npm_[A-Za-z0-9]{20,}", ("npm_",)),
    Form("PyPI", r"pypi-Ag[A-Za-z0-9_-]{30,}", ("pypi-",)),
    Form("RubyGems", r"rubygems_[0-9a-f]{48}", ("rubygems_",)),
    Form("Docker", r"dckr_[op]at_[A-Za-z0-9_-]{20,}", ("dckr_",)),
    Form("CircleCI", r"CCIPAT_[A-Za-z0-9]{10,}_[0-9a-f]{30,}", ("CCIPAT_",)),
    Form("Buildkite", r"bkua_[0-9a-f]{40}", ("bkua_",)),
    Form("Artifactory", r"AKCp[A-Za-z0-9]{60,}", ("AKCp",)),
    Form("Linear", r"lin_(?:api|oauth)_[A-Za-z0-9]{32,}", ("lin_",)),
    Form("Figma", r"figd_[A-Za-z0-9_-]{38,}", ("figd_",)),
    Form("Notion", r"ntn_[A-Za-z0-9]{40,}", ("ntn_",)),
    Form("Postman", r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}", ("PMAK-",)),
    # clouds
    Form("AWS", r"A(?:KIA|SIA|BIA)[0-9A-Z]{16}", ("AKIA", "ASIA", "ABIA")),
    Form("Google API", r"AIza[A-Za-z0-9_-]{30,}", ("AIza",)),
    Form("Google OAuth", r"GOCSPX-[A-Za-z0-9_-]{20,}", ("GOCSPX-",)),
    Form("Google access", r"ya29\.[A-Za-z0-9_-]{20,}", ("ya29.",)),
    Form("Azure key", r"(?:SharedA|A)(?:ccount|ccess)Key=[A-Za-z0-9+/]{20,}={0,2}", ("tKey=", "sKey=")),
    Form("Azure client", r"Q~[A-Za-z0-9_~.-]{31,}", ("Q~",)),
    Form("Azure signature", r"sig=[A-Za-z0-9%+/]{20,}={0,2}", ("sig=",)),
    Form("DigitalOcean", r"do[opr]_v1_[0-9a-f]{64}", ("doo_v1_", "dop_v1_", "dor_v1_")),
    Form("Databricks", r"dapi[0-9a-f]{32}", ("dapi",)),
    Form("Heroku", r"HRKU-[A-Za-z0-9_-]{36,}", ("HRKU-",)),
    Form("Netlify", r"nfp_[A-Za-z0-9]{36,}", ("nfp_",)),
    Form("Supabase", r"sbp_[0-9a-f]{40}", ("sbp_",)),
    Form("Fly", r"fm[12][ar]?_[A-Za-z0-9+/=_-]{40,}", ("m1_", "m1a_", "m1r_", "m2_", "m2a_", "m2r_")),
    Form("Tailscale", r"tskey-[a-z]+-[A-Za-z0-9-]{16,}", ("tskey-",)),
    Form("Doppler", r"dp\.[a-z]{2,5}\.[A-Za-z0-9]{40,}", ("dp.",)),
    Form("Vault", r"hv[bsr]\.[A-Za-z0-9_-]{24,}", ("hvs.", "hvb.", "hvr.")),
    Form("Terraform Cloud", r"\.atlasv1\.[A-Za-z0-9_=-]{40,}", ("atlasv1.",)),
    Form("Pulumi", r"pul-[0-9a-f]{40}", ("pul-",)),
    Form("PlanetScale", r"pscale_[a-z]{2,5}_[A-Za-z0-9_.=-]{32,}", ("pscale_",)),
    # watching
    Form("Grafana", r"glsa_[A-Za-z0-9]{32}_[0-9a-fA-F]{8}", ("glsa_",)),
    Form("Grafana Cloud", r"glc_[A-Za-z0-9+/]{32,}={0,2}", ("glc_",)),
    Form("New Relic", r"NR(?:AK|II|JS|RA)-[A-Za-z0-9_-]{19,}", ("NRAK-", "NRII-", "NRJS-", "NRRA-")),
    Form("Dynatrace", r"dt0[cs](?:01|02|06|16)\.[A-Z0-9]{24}\.[A-Z0-9]{64}", ("01.", "02.", "06.", "16.")),
    Form("Sentry", r"sntry[su]_[A-Za-z0-9+/=_-]{40,}", ("sntrys_", "sntryu_")),
    # messages and money
    Form("Slack", r"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{10,}", ("xox",)),
    Form("Slack app", r"xapp-[0-9]-[A-Za-z0-9-]{10,}", ("xapp-",)),
    Form("Slack webhook", r"[^\s\"'<>\\]{8,}", ("hooks.slack",), keep=r"hooks\.slack(?:-gov)?\.com/"),
    Form(
        "Discord webhook",
        r"[^\s\"'<>\\]{8,}",
        ("d.com/api/", "p.com/api/"),
        keep=r"discord(?:app)?\.com/api/(?:v[0-9]+/)?webhooks/",
    ),
    Form("Teams webhook", r"[^\s\"'<>\\]{8,}", ("webhook.office",), keep=r"webhook\.office\.com/"),
    Form("Discord bot", r"[A-Za-z0-9_-]{22,28}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}", ("Bot ",), keep="Bot "),
    Form("Telegram", r":AA[A-Za-z0-9_-]{32,}", (":AA",)),
    Form("Twilio", r"SK[0-9a-f]{32}", ("SK",)),
    Form("SendGrid", r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}", ("SG.",)),
    Form("Brevo", r"xkeysib-[0-9a-f]{64}-[A-Za-z0-9]{16}", ("xkeysib-",)),
    Form("Typeform", r"tfp_[A-Za-z0-9_-]{40,}", ("tfp_",)),
    Form("Stripe", r"sk_(?:live|test|prod)_[A-Za-z0-9]{16,}", ("sk_",)),
    Form("Stripe restricted", r"rk_(?:live|test|prod)_[A-Za-z0-9]{16,}", ("rk_",)),
    Form("Stripe webhook", r"whsec_[A-Za-z0-9+/]{20,}={0,2}", ("whsec_",)),
    Form("Shopify", r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}", ("shpat_", "shpca_", "shppa_", "shpss_")),
    Form("Square", r"sq0[a-z]{3}-[A-Za-z0-9_-]{22,}", ("sq0",)),
    # forms of no single provider
    Form("JWT", r"eyJ[A-Za-z0-9_+/=-]{16,}(?:\.[A-Za-z0-9_-]+)*", ("eyJ",)),
    Form("our token", r"ort_[A-Za-z0-9_-]{20,}", ("ort_",), apart=True),
    Form("age", r"AGE-SECRET-KEY-1[0-9A-Z]{20,}", ("AGE-",)),
    Form(
        "private key",
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        r"[\s\S]*?(?:-----END [A-Z0-9 ]{0,40}(?:PRIVATE KEY(?: BLOCK)?)?-----|$)",
        ("BEGIN ",),
    ),
    Form("PuTTY key", r"PuTTY-User-Key-File-[\s\S]*?(?:Private-MAC: ?[0-9a-f]+|$)", ("PuTTY-",)),
    # A key cut into lines: its first line without the marker. For the others see KEY_LINES.
    Form(
        "private key's first line",
        r"M(?:I[GIMC]|HcCAQEE|C4CAQAw)[A-Za-z0-9+/]{36,}={0,2}",
        ("MI", "MHcCA", "MC4CA"),
    ),
    Form("OpenSSH key's first line", r"b3BlbnNzaC1rZXktdj[A-Za-z0-9+/]{16,}={0,2}", ("b3Blb",)),
)


def _not_all_hexadecimal(length: int) -> str:
    """So many characters of Base64, one of which is not a hexadecimal digit."""
    if length == 1:
        return "[G-Zg-z+/]"
    return f"(?:[G-Zg-z+/][A-Za-z0-9+/]{{{length - 1}}}|[0-9A-Fa-f]{_not_all_hexadecimal(length - 1)})"


_LINE = _not_all_hexadecimal(12) + r"[A-Za-z0-9+/]{52}(?:[A-Za-z0-9+/]{6}(?:[A-Za-z0-9+/]{6})?)?"
_MARGIN = r"(?:[^\n\\]{0,31}(?:[^A-Za-z0-9+/\n\\]|\\+t))?"
_BREAK = r"(?:\\+r|\r)?(?:\n|\\+n)"
_SHORT_LINE = r"(?:[^A-Za-z\n\\]{0,31}(?:[^A-Za-z0-9+/\n\\]|\\+t))?[A-Za-z0-9+/]{1,75}={0,2}(?:[\r\n\"'\\]|$)"

KEY_LINES = (
    f"{_LINE}(?:{_BREAK}{_MARGIN}{_LINE})*(?:{_BREAK}{_SHORT_LINE}|"
    r"={0,2}(?:[^A-Za-z0-9+/=_.-]|$))"
)
"""Lines from the middle of a private key: Base64 of exactly 64, 70 or 76 characters, with the shorter last one. A
SHA-256 has 64 characters, too, but they are hexadecimal."""
KEY_TAIL = r"[A-Za-z0-9+/]{4,}={0,2}(?:\\+[rn]|\s){1,8}-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
"""The last line of one, however short, with the marker after it."""
BEFORE_KEY_LINES = tuple(at + _MARGIN for at in ("^", r"\n", r"\\n"))
"""What stands before them: the text's beginning, a line break or one that is written out, each with a margin such as a
number or a frame."""

BEARER = r"[A-Za-z0-9_.~+/=-]{12,}"
"""What stands after the word `Bearer`."""

USERINFO = (
    r"[^\s/?#\"'<>@:\\]*:[^\s/?#\"'<>\\]*@",
    r"[^\s/?#\"'<>@:\\]{20,}@",
    (
        r"[^\s/?#\"'<>@:\\\[]*:[0-9]{0,5}[^\s/?#\"'<>@\\0-9:$%{*\[][^\s/?#\"'<>@\\]{0,99}"
        r"[/?#][^\s\"'<>\\@]{0,200}@"
        r"(?:[^\s/?#\"'<>\\]*@)?"
    ),
)
"""What stands between `://` and the host: user and password, or a token alone. A password may have a `/`, `?` or `#` in
it where what stands before that can't be a port."""

ENCODED_QUOTE = r"\\{1,16}u002[27]|%(?:25){0,3}2[27]|&(?:amp;){0,2}(?:quot|apos|#34|#39|#x22|#x27);"
ASSIGNED = (
    r"=>|:=|[:=：＝]|\\{1,16}(?:u003|x3)[adAD]|%(?:25){0,3}3[adAD]|&(?:amp;){0,2}(?:#(?:61|58|x3[adAD])|equals|colon);"
)
"""What stands between a name and its value, also where JSON, an address or HTML writes it as a code."""

# --- names of what holds a secret -------------------------------------------------------------------------------------


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


WORDS = _words(
    """password passwd passphrase pwd secret secrets token apikey authorization cookie cookies credential credentials
    bearer jwt signature""",
)
"""A name with one of these words in it holds a secret, whatever stands beside it."""

PAIRS = {
    "key": _words(
        """api access private secret signing encryption account app application auth master session ssh license"""
    ),
    "url": _words("webhook"),
    "pass": _words("db smtp mail ftp ssh user login root admin proxy http redis pg mysql"),
    "auth": _words("basic http proxy"),
}
"""So does one with a word of these and the word before it."""

HARMLESS_ENDS = _words(
    """count counts total totals limit limits length len size usage used budget rate cost type kind name names method
    mode enabled expiry expires expired expiration ttl age at status state valid present missing set required error
    errors file path dir policy field header version provider source algorithm index position""",
)
"""But not one that ends in these: they say something about the secret."""

WHOLE_LINE = _words("authorization cookie")
"""A header's value ends with the line; that of any other name at a blank, a comma or a quote."""
