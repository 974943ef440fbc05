"""Schemas of what Kubernetes itself takes: quantities, durations, labels, peers of a NetworkPolicy, tolerations.

The API server would refuse the rest too, but in the middle of an installation and by the name of an object that the
user never wrote. Helm shows the pattern that a value does not match, and nothing else of the schema: so a pattern
begins with a group whose name says what to give.
"""

from __future__ import annotations

import re
from typing import Any

Schema = dict[str, Any]


def like(example: str, pattern: str) -> str:
    """A pattern that names what it takes, such as `a_quantity_like_500m`."""
    return f"^(?<{re.sub(r'[^A-Za-z0-9]+', '_', example)}>{pattern})$"


def closed(properties: dict[str, Schema]) -> Schema:
    """An object with these keys and no others."""
    return {"type": "object", "additionalProperties": False, "properties": properties}


def texts(pattern: str, longest: int) -> Schema:
    """A text of this pattern."""
    return {"type": "string", "pattern": pattern, "maxLength": longest}


def mapping(keys: Schema, values: Schema) -> Schema:
    """An object with any keys of this kind."""
    return {"type": "object", "propertyNames": keys, "additionalProperties": values}


def several(items: Schema) -> Schema:
    """A list of these."""
    return {"type": "array", "items": items}


_HOST = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_NAME = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_A_NAME = "a name like team or example.com/team"
_QUALIFIED = f"({_HOST}/)?{_NAME}"
_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IP4 = rf"({_OCTET}\.){{3}}{_OCTET}/(3[0-2]|[12]?[0-9])"
_IP6 = r"[0-9a-fA-F:]*:[0-9a-fA-F:]*/(12[0-8]|1[01][0-9]|[1-9]?[0-9])"
_NUMBER = r"([0-9]+(\.[0-9]*)?|\.[0-9]+)"
_SUFFIX = "([numkMGTPE]|[KMGTPE]i|[eE][-+]?[0-9]+)?"

QUANTITY: Schema = {
    "type": ["string", "number"],
    "pattern": like("a quantity like 500m or 2 or 1Gi", _NUMBER + _SUFFIX),
    "minimum": 0,
}
CIDR = texts(like("a network like 10.0.0.0/8 or fd00::/8", f"{_IP4}|{_IP6}"), 64)
SCRAPE_INTERVAL: Schema = {
    **texts(like("a time like 30s or 1m30s", "([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?"), 32),
    "minLength": 1,
}
"""As Prometheus writes it: large units first."""
GO_DURATION = texts(like("a time like 8760h or 1h30m", r"([0-9]+(\.[0-9]+)?(h|m|s|ms))+"), 32)
"""As cert-manager takes it: an hour is the largest unit."""
KEY = texts(like(_A_NAME, _QUALIFIED), 317)
LABEL_VALUE = texts(like("a label value of 63 letters at most", f"({_NAME})?"), 63)
LABELS = mapping(KEY, LABEL_VALUE)
ANNOTATIONS = mapping(KEY, {"type": "string"})

_EXPRESSION = {
    **closed(
        {
            "key": KEY,
            "operator": {"enum": ["In", "NotIn", "Exists", "DoesNotExist"]},
            "values": several(LABEL_VALUE),
        }
    ),
    "required": ["key", "operator"],
}
_SELECTOR = closed({"matchLabels": LABELS, "matchExpressions": several(_EXPRESSION)})
_IP_BLOCK = {**closed({"cidr": CIDR, "except": several(CIDR)}), "required": ["cidr"]}
PEER: Schema = {
    **closed({"ipBlock": _IP_BLOCK, "namespaceSelector": _SELECTOR, "podSelector": _SELECTOR}),
    "minProperties": 1,
    "dependentSchemas": {"ipBlock": {"maxProperties": 1}},  # a block of addresses stands alone
}
TOLERATION = closed(
    {
        "key": texts(like(_A_NAME, f"({_QUALIFIED})?"), 317),  # empty with Exists, and as an effect: all
        "operator": {"enum": ["Exists", "Equal", "Lt", "Gt"]},
        "value": LABEL_VALUE,
        "effect": {"enum": ["NoSchedule", "PreferNoSchedule", "NoExecute", ""]},
        "tolerationSeconds": {"type": "integer"},
    }
)
_AMOUNTS = mapping(KEY, QUANTITY)
_CLAIM = {**closed({"name": {"type": "string"}, "request": {"type": "string"}}), "required": ["name"]}
RESOURCES = closed({"requests": _AMOUNTS, "limits": _AMOUNTS, "claims": several(_CLAIM)})
_TERMS: Schema = {"type": ["object", "null"]}
AFFINITY = closed({"nodeAffinity": _TERMS, "podAffinity": _TERMS, "podAntiAffinity": _TERMS})
