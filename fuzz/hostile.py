"""Values that nobody expects, and how they get into a file that is otherwise right."""

from __future__ import annotations

import json
import random
import re
import tomllib
from typing import Any

# In JSON as they stand here: Python has no value that is written like that.
RAW = (
    "1e400", "-1e999999", "9" * 30, "9" * 5000, "0.1e-400", "NaN", "-Infinity", '"\\ud800"', '"\\ud83d\\ude00"',
    '"\\u0000"',
    '{"a":1,"a":2}', "[" * 40 + "]" * 40, "[" * 3000, '{"a":' * 50 + "1" + "}" * 50, "1" + "0" * 400 + ".0", "-0",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 10**19, -0.0, 1e308, 5e-324, [], {}, [[]], [{}], {"": ""}, "",
    "x", "nan", "inf", "-inf", "0x1p999999999", "0x1p-20000", "0x1p20001", "0x1p99999", "1e999999999", "1e9999",
    "0x", "0x1p",
    "0x" + "f" * 2000 + "p0", "1" * 5000, "." * 50, "</script><script>alert(1)</script>", "../../../etc/passwd",
    "/etc/passwd",
    "file:///etc/passwd", "{{ 7 * 7 }}", "{% include 'x' %}", "javascript:alert(1)", "\0", "a\nb", "\x1b[2J",
    "\u202e", "\ufeff",
    "\U0001f600", "x" * 501, "x" * 70000, "Z99", "V0", "V2\n", "v", "É1", "float128", "float8_e4m3fn",
    "bfloat16", "float64", "object",
    "V8", "M8[s]", "f8,f8", "must", "deviates", "run", "case", "curve", "grid", "speed",
    "port", "source", "trial", "AAAA", "AAAAAAAAAAA=",
    "not base64 ", "////////////",
    "*", "[", "[!", "[z-a]", "[[a", "[a--b]", "[a&&b]", "**" * 40 + "x", "?" * 150, "\\", ">=" + "1" * 5000,
    "1!2.3rc1.post4.dev5+local",
    "9" * 5000, ">=1,<0,!=*", "==1.*", "2026-13-45T99", "9999-12-31", "0001-01-01",
)  # fmt: skip
_SEAL = re.compile(rb'\[golden\]\nsha256 = "[0-9a-f]{64}"\n')


def mutated(data: bytes, dice: random.Random) -> bytes:
    """The file with a few of its parts exchanged, taken away or doubled; as it is, if it cannot be parsed."""
    flag, body = data[:1], data[1:]
    try:
        made = _json(body, dice) if flag[0] & 3 in (0, 3) else _toml(body, dice)
    except (ValueError, RecursionError, TypeError):
        return data
    return flag + made.encode("utf-8", errors="surrogatepass")


def _json(body: bytes, dice: random.Random) -> str:
    lines = body.decode("utf-8").split("\n")
    number = dice.randrange(len(lines))
    record = json.loads(lines[number])
    raw = {}
    for _ in range(dice.randint(1, 3)):
        value = dice.choice(VALUES)
        if dice.random() < 0.2:
            value = f"@@{len(raw)}@@"
            raw[json.dumps(value)] = dice.choice(RAW)
        exchange(record, value, dice)
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    for mark, token in raw.items():
        text = text.replace(mark, token)
    lines[number] = text
    if dice.random() < 0.1:
        lines.insert(dice.randrange(len(lines)), dice.choice(lines))
    return "\n".join(lines)


def _toml(body: bytes, dice: random.Random) -> str:
    tree = tomllib.loads(body.decode("utf-8"))
    for _ in range(dice.randint(1, 3)):
        exchange(tree, dice.choice(VALUES), dice)
    return toml_text(tree)


def toml_text(tree: dict[str, Any]) -> str:
    """The tree as TOML, the golden part last and in tables of its own, as it is sealed."""
    golden = tree.get("golden")
    lines = [f"{json.dumps(key)} = {_inline(value)}" for key, value in tree.items() if key != "golden"]
    if isinstance(golden, dict) and golden:
        lines += ["[golden]", f'sha256 = "{golden.get("sha256", "")}"']
        for name, table in golden.items():
            if name != "sha256":
                lines.append(f"{json.dumps(name)} = {_inline(table)}")
    elif golden is not None:
        lines.append(f"golden = {_inline(golden)}")
    return "\n".join(lines) + "\n"


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_inline(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    if isinstance(value, str | bool | int):
        return json.dumps(value)
    return "nan" if value is None else repr(value) if isinstance(value, float) else value.isoformat()


def exchange(tree: Any, value: Any, dice: random.Random) -> None:
    """Walk down to a place, the deeper ones less often, and change what is there."""
    while True:
        if not isinstance(tree, dict | list) or not tree:
            return
        key = dice.choice(list(tree)) if isinstance(tree, dict) else dice.randrange(len(tree))
        inner = tree[key]
        if not isinstance(inner, dict | list) or not inner or dice.random() < 0.25:
            break
        tree = inner
    way = dice.random()
    if way < 0.7:
        tree[key] = value
    elif way < 0.8:
        del tree[key]
    elif way < 0.9 and isinstance(tree, dict):
        tree[str(value)[:80]] = tree[key]
    elif isinstance(tree, list):
        tree[key:key] = [tree[key]] * dice.choice((1, 2, 50))
    else:
        tree[key] = [tree[key]] * 3


def resealed(body: bytes, seal: Any) -> bytes:
    """A case whose golden part has the hash that it should have: anybody can compute one."""
    if (found := _SEAL.search(body)) is None:
        return body
    right = seal(body[found.end() :].decode("utf-8", errors="replace"))
    return body[: found.start()] + f'[golden]\nsha256 = "{right}"\n'.encode() + body[found.end() :]


def told(error: BaseException) -> str:
    """The words of a refusal. Raises AssertionError if they are not one clear line."""
    refusal = str(error)
    if not refusal.isprintable() or not 10 < len(refusal) < 2000:
        raise AssertionError(f"not one clear line: {refusal[:200]!r}") from None
    return refusal
