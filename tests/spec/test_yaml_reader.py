"""What YAML becomes, and where it stood."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.spec.yaml_reader import MAX_BYTES, YamlError, YamlList, YamlMap, read_yaml


def fault(data: bytes) -> YamlError:
    with pytest.raises(YamlError) as caught:
        read_yaml(data)
    return caught.value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("12", 12),
        ("-7", -7),
        ("0o17", 15),
        ("017", 17),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("2026-01-02", "2026-01-02"),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".inf", float("inf")),
        ("'12'", "12"),
        ('"true"', "true"),
        ("9" * 65, "9" * 65),
        ("!!str 12", "12"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, value: Any) -> None:
    read = read_yaml(f"key: {text}\n".encode())["key"]
    assert read == value
    assert type(read) is type(value)


def test_every_key_value_and_item_knows_its_place() -> None:
    root = read_yaml(b"streams:\n  gate:\n    labels: {site: hq,  floor: 1}\n    list:\n    - a\n    -  b\n")
    gate = root["streams"]["gate"]
    assert isinstance(gate, YamlMap)
    assert isinstance(gate["list"], YamlList)
    assert root["streams"].keys_at["gate"] == (2, 3)
    assert (gate.keys_at["labels"], gate.values_at["labels"]) == ((3, 5), (3, 13))
    assert (gate["labels"].keys_at["floor"], gate["labels"].values_at["floor"]) == ((3, 25), (3, 32))
    assert gate["list"].items_at == [(5, 7), (6, 8)]


@pytest.mark.parametrize("text", ["a:\r\n  b: 1\r\n", "a:\r  b: 1\r"], ids=["CRLF", "CR"])
def test_line_ends_of_other_systems_do_not_shift_lines(text: str) -> None:
    assert read_yaml(text.encode())["a"].keys_at["b"] == (2, 3)


def test_columns_count_characters_not_bytes() -> None:
    assert read_yaml('{"é€😀": 1, b: 2}'.encode()).keys_at["b"] == (1, 12)


def test_a_byte_order_mark_is_passed_over() -> None:
    assert read_yaml(b"\xef\xbb\xbfa: 1\n") == {"a": 1}


def test_an_empty_document_is_nothing() -> None:
    assert read_yaml(b"") is None
    assert read_yaml(b"# nothing\n") is None


def test_merged_keys_keep_the_place_where_they_were_written_and_do_not_win() -> None:
    root = read_yaml(b"x-a: &a {record: yes, source: one}\ngate:\n  <<: *a\n  source: two\n")
    assert root["gate"] == {"record": "yes", "source": "two"}
    assert root["gate"].keys_at["record"] == (1, 10)
    assert root["gate"].keys_at["source"] == (4, 3)


def test_a_quoted_merge_key_is_a_key() -> None:
    assert read_yaml(b"'<<': text\n") == {"<<": "text"}


def test_a_byte_that_is_no_utf_8_has_a_line_and_a_column() -> None:
    assert fault("a: 1\né: ".encode() + b"\xff\n").mark == (2, 4)


def test_a_file_that_is_too_large_is_not_parsed() -> None:
    assert "larger than 32 MiB" in fault(b"#" * (MAX_BYTES + 1)).message


def test_a_few_lines_of_aliases_do_not_fill_the_memory() -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    assert "aliases counted as written out" in fault("\n".join(lines).encode()).message
