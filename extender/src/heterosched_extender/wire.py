"""The scheduler's extender protocol on the wire: what is read of a call, and the answers as bytes.

kube-scheduler marshals `ExtenderArgs` without JSON tags, so its keys are `Pod`, `Nodes`, `NodeNames`; other callers and
older servers write them small. Both are read, the scheduler's own form is written. Of a pod and of a whole node only
the needed fields are decoded. Source: k8s.io/kube-scheduler/extender/v1 types.go; sending order and blanks:
encoding/json of the same structs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from heterosched.kube.objects import PodObject
from heterosched.policy.decide import Curable


class BadCall(Exception):
    """The body is no ExtenderArgs: not JSON, or a field of the wrong type. The message names the place."""


class _Meta(msgspec.Struct, frozen=True, gc=False):
    name: str = ""


class _Named(msgspec.Struct, frozen=True, gc=False):
    metadata: _Meta = _Meta()


class _NodeList(msgspec.Struct):
    items: list[msgspec.Raw] | None = None


class _Args(msgspec.Struct):
    upper_pod: PodObject | None = msgspec.field(default=None, name="Pod")
    upper_nodes: _NodeList | None = msgspec.field(default=None, name="Nodes")
    upper_names: list[str] | None = msgspec.field(default=None, name="NodeNames")
    pod: PodObject | None = None
    nodes: _NodeList | None = None
    names: list[str] | None = msgspec.field(default=None, name="nodenames")
    camel_names: list[str] | None = msgspec.field(default=None, name="nodeNames")


class _PodOnly(msgspec.Struct):
    pod: PodObject | None = msgspec.field(default=None, name="Pod")


_args = msgspec.json.Decoder(_Args)
_pod_only = msgspec.json.Decoder(_PodOnly)
_names = msgspec.json.Decoder(list[str])
_named = msgspec.json.Decoder(_Named)

_BEFORE_NAMES = b',"Nodes":null,"NodeNames":'
"""What stands between the pod and the names in a call of kube-scheduler with `nodeCacheCapable`."""

UNREADABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)
"""What decoding raises for bodies that are not what they should be."""


Split = tuple[PodObject, bytes, bytes]
"""Pod, the text before the names, and the names, undecoded."""


@dataclass(frozen=True, slots=True)
class Call:
    """A decoded call. `nodes` holds the whole nodes by name as they came, None in `nodeCacheCapable` mode.

    `names_json` is the list of names as it came, empty where it would have to be encoded again; `head` is what stood
    before it, the pod: kube-scheduler sends the very same bytes with the next verb.
    """

    pod: PodObject | None
    names: Sequence[str]
    nodes: Mapping[str, msgspec.Raw] | None = None
    names_json: bytes = b""
    head: bytes = b""


def decode_call(body: bytes, split: Split | None = None) -> Call:
    """Read a call in either casing and either cache mode; null and absent are the same. Raises BadCall.

    `split`: what `split_call` made of this body, where that has been asked already.
    """
    split = split or split_call(body)
    if split is not None:
        pod, head, names_json = split
        try:
            return Call(pod, _names.decode(names_json), None, names_json, head)
        except UNREADABLE:
            pass  # the message of the full decode below says where it is wrong
    try:
        args = _args.decode(body)
        whole = args.upper_nodes or args.nodes
        if whole is not None:
            _check_text(body)
            nodes = {_named.decode(item).metadata.name: item for item in whole.items or ()}
            return Call(args.upper_pod or args.pod, tuple(nodes), nodes)
        return Call(args.upper_pod or args.pod, args.upper_names or args.names or args.camel_names or ())
    except UNREADABLE as error:
        raise BadCall(f"the body is no ExtenderArgs: {error}") from error


def _check_text(body: bytes) -> None:
    """Whole nodes go back as they came, undecoded; so their text has to be checked. Raises UnicodeDecodeError."""
    if not body.isascii():
        body.decode()


def split_call(body: bytes) -> Split | None:
    """Pod, the text before the names, and the undecoded names of a body in kube-scheduler's very form; None for others.

    Sound, not a guess: if the text before the names is a JSON object once it is closed, and the rest a JSON list (which
    the caller has to check or to know), then the body is the object with both.
    """
    at = body.find(_BEFORE_NAMES)
    if at < 0 or not body.endswith(b"]}"):
        return None
    head = body[:at]
    pod = decode_pod(head)
    return None if pod is None else (pod, head, body[at + len(_BEFORE_NAMES) : -1])


def decode_pod(head: bytes) -> PodObject | None:
    """The pod of a body that was cut before the names; None where that is not the end of a JSON object's member."""
    try:
        return _pod_only.decode(head + b"}").pod
    except UNREADABLE:
        return None


def tail_of(names_json: bytes) -> bytes:
    """How a call ends that carries this list of names."""
    return _BEFORE_NAMES + names_json + b"}"


def encode_names(names: Iterable[str]) -> bytes:
    """A JSON list of names, without blanks, as Go writes it."""
    return msgspec.json.encode(tuple(names))


def filter_answer(
    names_json: bytes | None, nodes: Iterable[msgspec.Raw] | None, rejected: Mapping[str, str] | None = None
) -> bytes:
    """An ExtenderFilterResult: names in `nodeCacheCapable` mode, else whole nodes.

    Of the rejected nodes those with a `Curable` reason are FailedNodes, which the scheduler may try to free by evicting
    pods; the others are FailedAndUnresolvableNodes, which it leaves alone.
    With neither list the scheduler would read "no node fits", silently; hence exactly one of them must be given.
    """
    if nodes is not None:
        items = b",".join(bytes(item) for item in nodes)
        lists = b'{"Nodes":{"metadata":{},"items":[' + items + b']},"NodeNames":null'
    else:
        assert names_json is not None
        lists = b'{"Nodes":null,"NodeNames":' + names_json
    if not rejected:
        return lists + b',"FailedNodes":{},"FailedAndUnresolvableNodes":{},"Error":""}'
    curable = {name: str(why) for name, why in rejected.items() if isinstance(why, Curable)}
    lasting = {name: why for name, why in rejected.items() if name not in curable}
    failed = b',"FailedNodes":%b,"FailedAndUnresolvableNodes":%b,"Error":""}'
    return lists + failed % (msgspec.json.encode(curable), msgspec.json.encode(lasting))
