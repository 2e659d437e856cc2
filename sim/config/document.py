"""YAML 1.2 with positions: plain values beside the line that each of them came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from sim.config.near_files import near_file
from sim.errors import ConfigError, Fault

Key = tuple[str | int, ...]
"""Path from the top of a file to a value: names of keys and indices of list items."""

MAX_NODES = 100_000
"""Values in one file, aliases counted as often as they are used; keeps alias bombs from eating the memory."""

MAX_DEPTH = 50
"""Depth of nesting in one file."""

PLAIN_TAGS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "timestamp"))
COLLECTION_TAGS = frozenset({"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"})


@dataclass(frozen=True, slots=True)
class Position:
    """Where a value was written: a file and a line, or an override."""

    source: str
    line: int | None = None


@dataclass(slots=True)
class Document:
    """Values of one or several merged files, where each was written, and the faults found so far.

    Parameters
    ----------
    tree : Any
        Plain values: dict, list, str, int, float, bool, None, date.
    root : Position
        Position of the whole.
    positions : dict
        Position of every value by its key.
    faults : list of Fault
        Faults that do not prevent reading on.
    """

    tree: Any
    root: Position
    positions: dict[Key, Position] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def position(self, key: Key) -> Position:
        """Position of a value, or of the nearest thing around it that was written."""
        for length in range(len(key), 0, -1):
            found = self.positions.get(key[:length])
            if found is not None:
                return found
        return self.root

    def blame(self, key: Key, message: str) -> None:
        """Record a fault of the value under ``key``."""
        place = self.position(key)
        self.faults.append(Fault(place.source, place.line, dotted(key), message))

    def copy_positions(self, start: Key, other: Document, other_start: Key = ()) -> None:
        """Let the values under ``start`` have been written where those under ``other_start`` of ``other`` were."""
        depth = len(other_start)
        for key, place in list(other.positions.items()):
            if key[:depth] == other_start:
                self.positions[start + key[depth:]] = place

    def merge(self, over: Document, key: Key = ()) -> None:
        """Lay another document over this one: mappings are merged key by key, everything else is replaced."""
        if not key:
            self.root = over.root
            self.faults.extend(over.faults)
        base, wanted = value_at(self.tree, key), value_at(over.tree, key)
        if isinstance(base, dict) and isinstance(wanted, dict):
            for name in wanted:
                if name in base:
                    self.merge(over, (*key, name))
                else:
                    self.replace((*key, name), over, (*key, name))
        else:
            self.replace(key, over, key)

    def replace(self, key: Key, other: Document, other_key: Key = ()) -> None:
        """Put a value of another document under ``key``, with its positions."""
        for known in [known for known in self.positions if known[: len(key)] == key]:
            del self.positions[known]
        value = value_at(other.tree, other_key)
        if key:
            value_at(self.tree, key[:-1])[key[-1]] = value
        else:
            self.tree = value
        self.copy_positions(key, other, other_key)

    def raise_faults(self) -> None:
        """Raise all faults at once, in the order of the lines.

        Raises
        ------
        ConfigError
            If there is any.
        """
        if self.faults:
            unique = sorted(set(self.faults), key=lambda f: (f.source, f.line or 0, f.key, f.message))
            raise ConfigError("\n".join(map(str, unique)), tuple(unique))


def value_at(tree: Any, key: Key) -> Any:
    """Value under a key, None where there is none."""
    for name in key:
        if isinstance(tree, dict):
            tree = tree.get(name)
        elif isinstance(tree, list) and isinstance(name, int) and 0 <= name < len(tree):
            tree = tree[name]
        else:
            return None
    return tree


def dotted(key: Key) -> str:
    """Key as users write it: ``strategies.condor.engines.0.short_delta``; what no terminal can show is escaped."""
    text = ".".join(str(name) for name in key)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def read_document(path: Path, label: str | None = None) -> Document:
    """Read one YAML file.

    Parameters
    ----------
    path : Path
        File to read.
    label : str, optional
        Name of the file in messages; the path itself by default.

    Raises
    ------
    ConfigError
        If the file cannot be read or is no YAML.
    """
    label = label or str(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise single_fault(label, None, f"cannot be read: {error.strerror or error}{near_file(path)}") from None
    except UnicodeDecodeError as error:
        raise single_fault(label, None, f"must be UTF-8 text, byte {error.start} is not") from None
    return parse_document(text, label)


def parse_document(text: str, label: str, *, with_lines: bool = True) -> Document:
    """Read YAML text; ``label`` names it in messages.

    Raises
    ------
    ConfigError
        If the text is no YAML.
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.composer.warn_double_anchors = False  # YAML allows it: an alias means the anchor before it
    try:
        node = yaml.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None and with_lines else None
        problem = " ".join(part for part in (error.problem, error.context) if part)
        raise single_fault(label, line, f"is no valid YAML: {problem}") from None
    except (YAMLError, ValueError) as error:
        reason = str(error).strip().splitlines() or ["unreadable"]
        raise single_fault(label, None, f"is no valid YAML: {reason[0]}") from None
    except RecursionError:
        raise single_fault(label, None, f"is nested deeper than {MAX_DEPTH} levels") from None
    document = Document(None, Position(label, 1 if with_lines else None))
    if node is not None:
        document.tree = _Composer(yaml, document, with_lines).value(node, ())
    return document


def plain_document(tree: Mapping[str, Any], label: str) -> Document:
    """Take values that were never a file; messages name ``label`` and no line."""
    return Document(_copy(tree), Position(label))


def single_fault(source: str, line: int | None, message: str) -> ConfigError:
    """Error for a file that cannot be read at all."""
    fault = Fault(source, line, "", message)
    return ConfigError(str(fault), (fault,))


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _copy(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_copy(item) for item in value]
    return value


class _Composer:
    """Turns YAML nodes into plain values and notes where each was written."""

    def __init__(self, yaml: YAML, document: Document, with_lines: bool) -> None:
        self.constructor = yaml.constructor
        self.document = document
        self.with_lines = with_lines
        self.n_nodes = 0

    def value(self, node: Node, key: Key) -> Any:
        self.n_nodes += 1
        if self.n_nodes > MAX_NODES:
            raise self.fatal(node, f"holds more than {MAX_NODES} values")
        if len(key) > MAX_DEPTH:
            raise self.fatal(node, f"is nested deeper than {MAX_DEPTH} levels")
        if key:  # a key's own line, noted by `mapping`, wins over that of a value below it
            self.document.positions.setdefault(key, self.place(node))
        if isinstance(node, MappingNode | SequenceNode) and str(node.tag) not in COLLECTION_TAGS:
            self.blame(node, key, f"has the tag {str(node.tag)!r}; must be a plain mapping or list")
            return None
        if isinstance(node, MappingNode):
            return self.mapping(node, key)
        if isinstance(node, SequenceNode):
            return [self.value(item, (*key, i)) for i, item in enumerate(node.value)]
        return self.scalar(node, key)

    def mapping(self, node: MappingNode, key: Key) -> dict[str | int, Any]:
        result: dict[str | int, Any] = {}
        lines: dict[str | int, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            name = self.scalar(key_node, key) if isinstance(key_node, ScalarNode) else None
            if isinstance(name, bool) or not isinstance(name, str | int):
                self.blame(key_node, key, "has a key that is neither text nor a whole number")
            elif name in result:
                first = f", first on line {lines[name]}" if self.with_lines else ""
                self.blame(key_node, (*key, name), f"duplicate key{first}; must be given once")
            else:
                lines[name] = line
                self.document.positions[(*key, name)] = self.place(key_node)
                result[name] = self.value(value_node, (*key, name))
        return result

    def scalar(self, node: Node, key: Key) -> Any:
        tag = str(node.tag)
        if tag not in PLAIN_TAGS:
            self.blame(node, key, f"has the tag {tag!r}; must be plain text, number, true, false, null or date")
            return None
        try:
            value = self.constructor.construct_object(node)
            # JSON escapes characters beyond the basic plane as pairs of surrogates; a lone one is no text
            return value.encode("utf-16", "surrogatepass").decode("utf-16") if isinstance(value, str) else value
        except (ValueError, OverflowError, YAMLError) as error:
            reason = str(error).strip().splitlines() or ["unreadable"]
            self.blame(node, key, f"got {str(node.value)[:40]!r}, which cannot be read: {reason[0]}")
            return None

    def place(self, node: Node) -> Position:
        return Position(self.document.root.source, node.start_mark.line + 1 if self.with_lines else None)

    def blame(self, node: Node, key: Key, message: str) -> None:
        place = self.place(node)
        self.document.faults.append(Fault(place.source, place.line, dotted(key), message))

    def fatal(self, node: Node, message: str) -> ConfigError:
        place = self.place(node)
        return single_fault(place.source, place.line, message)
