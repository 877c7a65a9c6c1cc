"""PSCustomObjects as Python has them."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from psbridge import CustomObject, Session


@pytest.fixture(scope="module")
def shell() -> Iterator[Session]:
    with Session() as session:
        yield session


@dataclass
class Row:
    Name: str
    Size: int


def test_its_properties_are_attributes_and_items_in_any_letter_case(shell: Session) -> None:
    (found,) = shell.run("[pscustomobject]@{ Name = 'a'; 'With Space' = 2; Größe = 3 }")
    assert type(found) is CustomObject
    assert (found.Name, found.name, found.NAME, found["nAME"]) == ("a",) * 4
    assert (found["with space"], found.GRÖßE, "name" in found, "Nam" in found) == (
        2,
        3,
        True,
        False,
    )
    assert (found.get("NAME"), found.get("none"), found.get("none", 5)) == ("a", None, 5)
    assert list(found) == ["Name", "With Space", "Größe"]
    with pytest.raises(KeyError, match="other"):
        found["other"]


def test_it_is_a_mapping_equal_to_a_dict_of_the_same(shell: Session) -> None:
    (found,) = shell.run("[pscustomobject]@{ Size = 1; Name = 'a' }")
    assert isinstance(found, Mapping)
    assert found == {"Name": "a", "Size": 1}
    assert {"Name": "a", "Size": 1}.__eq__(found)
    assert found != {"Name": "a"}
    assert Row(**found) == Row("a", 1)
    assert list(dict(found)) == ["Size", "Name"]
    assert json.loads(json.dumps(found)) == found
    match found:
        case {"Name": name}:
            assert name == "a"


def test_what_is_not_there_is_named_with_what_looks_like_it(shell: Session) -> None:
    (found,) = shell.run("[pscustomobject]@{ ProcessName = 1; Id = 2 }")
    with pytest.raises(AttributeError, match=r"no property 'procesname'; near it: ProcessName"):
        found.procesname  # noqa: B018
    with pytest.raises(AttributeError, match=r"no property 'Other'$"):
        found.Other  # noqa: B018
    assert not hasattr(found, "__array__")


def test_a_name_of_our_own_is_ours_and_an_item_is_powershells(shell: Session) -> None:
    (found,) = shell.run("[pscustomobject]@{ Items = 1; origin = 'x'; keys = 2 }")
    assert (found.Items, found.items()) == (1, {"Items": 1, "origin": "x", "keys": 2}.items())
    assert (found.origin, found["origin"], found.Origin) == (None, "x", "x")
    with pytest.raises(AttributeError, match=r"item\['origin'\] is the property"):
        found.origin = "y"


def test_it_is_a_copy_that_can_be_changed_and_given_back(shell: Session) -> None:
    (found,) = shell.run("$global:o = [pscustomobject]@{ Name = 'a'; Size = 1 }; $o")
    found.name = "b"
    found["SIZE"] += 1
    found.New = [1]
    assert found == {"Name": "b", "Size": 2, "New": [1]}
    assert shell.run("$o.Name") == ["a"]
    del found.new
    assert shell.run("param($x) $x.name; $x.Size; $x.psobject.Properties.Name", x=found) == [
        "b", 2, "Name", "Size"
    ]  # fmt: skip
    found.update({"name": "c"}, size=3)
    assert (found | {"NAME": "d"}) == {"Name": "d", "Size": 3}
    assert (found.setdefault("nAME", 9), found.pop("sIZE"), found) == ("c", 3, {"Name": "c"})
    with pytest.raises(TypeError, match="5"):
        found[5] = 1
    with pytest.raises(AttributeError):
        del found.other


def test_it_goes_back_with_its_types_and_what_is_in_it(shell: Session) -> None:
    script = """
    $o = [pscustomobject]@{ PSTypeName = 'My.Type'; H = @{ a = 1 }; O = [pscustomobject]@{ b = 2 }
        F = [System.IO.FileInfo]'/x' }
    $o
    """
    (found,) = shell.run(script)
    assert found.type_names[0] == "My.Type"
    assert found.O.type_names[0] == "System.Management.Automation.PSCustomObject"
    assert (type(found.H), type(found.O)) == (dict, CustomObject)
    assert shell.run(
        "param($x) $x.pstypenames[0]; $x.H -is [hashtable]; $x.O, $x.F | % { $_.GetType().Name }",
        x=found,
    ) == ["My.Type", True, "PSCustomObject", "FileInfo"]
    assert shell.run("param($x) $x.GetType().Name", x=CustomObject(a=1)) == ["PSCustomObject"]


def test_it_can_be_copied_and_pickled(shell: Session) -> None:
    (found,) = shell.run(
        "[pscustomobject]@{ PSTypeName = 'My.Type'; a = [pscustomobject]@{ b = 1 } }"
    )
    for other in (
        copy.copy(found), copy.deepcopy(found), found.copy(), pickle.loads(pickle.dumps(found))
    ):  # fmt: skip
        assert (type(other), other, other.type_names) == (CustomObject, found, found.type_names)
        assert (other.A.B, type(other.a)) == (1, CustomObject)
        other.a = 2
    assert found == {"a": {"b": 1}}
    assert copy.deepcopy(found).a is not found.a is found.copy().a


def test_its_repr_makes_it_again(shell: Session) -> None:
    first, second = shell.run("[pscustomobject]@{ a = 1; b = 'x' }; [pscustomobject]@{ 'a b' = 1 }")
    assert repr(first) == "CustomObject(a=1, b='x')"
    assert repr(second) == "CustomObject({'a b': 1})"
    assert eval(repr(first)) == first
    first.b = first
    assert repr(first) == "CustomObject(a=1, b=CustomObject(...))"


def test_a_notebook_shows_a_table(shell: Session) -> None:
    (found,) = shell.run("[pscustomobject]@{ '<a>' = '<script>'; b = [char]0xd800 }")
    shown = found._repr_html_()
    assert "<th>&lt;a&gt;</th><td>&#x27;&lt;script&gt;&#x27;</td>" in shown
    assert shown.startswith("<table>")
    shown.encode()


def test_dir_has_its_properties(shell: Session) -> None:
    (found,) = shell.run("[pscustomobject]@{ Name = 1 }")
    assert {"Name", "origin", "items"} <= set(dir(found))


def test_where_it_came_from_is_no_part_of_it(shell: Session) -> None:
    job = shell.start_job(
        "[pscustomobject]@{ PSTypeName = 'My.Type'; a = [pscustomobject]@{ b = 1 } }"
    )
    (found,) = job.result(timeout=60)
    assert (found, type(found.a)) == ({"a": {"b": 1}}, CustomObject)
    assert found.origin == "localhost"
    assert found.type_names[0] == "Deserialized.My.Type"
    assert shell.run("[pscustomobject]@{ a = 1 }")[0].origin is None
    job.remove()
