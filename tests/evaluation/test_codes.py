"""Codes in words: what they mean, what is refused, and that numbers survive the way to and fro."""

import json
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some

from simulacra.errors import RunError
from simulacra.evaluation.codes import Description, codes_of, explicit, pack, read, to_json
from simulacra.evaluation.directions import Directions
from simulacra.evaluation.subject import Subject
from simulacra.seeds import Draw


def code(subject: Subject, text: str) -> torch.Tensor:
    return codes_of(subject, read(text))[0]


@pytest.mark.parametrize("family", ["vae", "acgan", "infogan"])
def test_a_seed_alone_is_the_first_sample_of_that_seed(family, subject) -> None:
    one = subject(family)
    assert torch.equal(code(one, '{"seed": 5}'), one.codes(1, Draw.SAMPLES, seed=5)[0])
    assert torch.equal(code(one, "{}"), one.codes(1, Draw.SAMPLES, seed=0)[0])


def test_labels_are_set_and_all_else_stays(subject) -> None:
    one = subject("acgan")  # noise 3, Smiling, Male
    before, after = code(one, '{"seed": 1}'), code(one, '{"seed": 1, "labels": {"Male": 0.25}}')
    assert torch.equal(before[:4], after[:4])
    assert after[4] == 0.25


def test_an_attribute_in_two_columns_keeps_their_sum(subject) -> None:
    one = subject("acgan", **{"objective.code.labels": "onehot"})
    assert code(one, '{"labels": {"Smiling": 0.25, "Male": 1}}')[3:].tolist() == [0.75, 0.25, 0, 1]


def test_a_class_is_set_alone_and_classes_can_be_mixed(subject) -> None:
    one = subject("acgan", exclusive=True)  # Smiling, Eyeglasses, Male
    assert code(one, '{"labels": {"Eyeglasses": 1}}')[3:].tolist() == [0, 1, 0]
    assert code(one, '{"labels": {"Eyeglasses": 0.5, "Male": 0.5}}')[3:].tolist() == [0, 0.5, 0.5]


def test_categories_continuous_codes_and_numbers_are_counted_from_one(subject) -> None:
    one = subject("infogan")  # noise 3, categorical 2 and 3, continuous 1
    text = '{"overrides": {"3": -1.5}, "categories": {"1": 2, "2": 1}, "continuous": {"1": 0.5}}'
    found = code(one, text)
    assert found[2] == -1.5
    assert found[3:].tolist() == [0, 1, 1, 0, 0, 0.5]
    assert torch.equal(found[:2], code(one, "{}")[:2])


def test_numbers_and_noise_are_taken_as_they_are(subject) -> None:
    one = subject("acgan")
    assert code(one, '{"numbers": [1, 2, 3, 0, 1]}').tolist() == [1, 2, 3, 0, 1]
    assert code(one, '{"noise": [1, 2, 3], "labels": {"Smiling": 1, "Male": 0}}').tolist() == [1, 2, 3, 1, 0]


def test_turns_and_attributes_are_added_to_the_noise(subject) -> None:
    one = subject("acgan")
    directions = Directions(one)
    directions.__dict__ |= {"principal": torch.eye(3), "attributes": {"Hat": torch.tensor([0.0, 0.0, 4.0])}}
    described = read('{"numbers": [1, 2, 3, 0, 1], "principal_directions": {"2": 0.5}, "attributes": {"Hat": -1}}')
    assert codes_of(one, described, directions)[0].tolist() == [1, 2.5, -1, 0, 1]


def test_an_attribute_moves_continuous_codes_too_and_leaves_categories(subject) -> None:
    one = subject("infogan")  # noise of 3, categories of 2 and 3, one continuous code
    directions = Directions(one)
    directions.__dict__ |= {"attributes": {"Hat": torch.tensor([1.0, 0, 0, 0, 0, 0, 0, 0, 2.0])}}
    described = read('{"numbers": [1, 2, 3, 0, 1, 1, 0, 0, 0.5], "attributes": {"Hat": -1}}')
    assert codes_of(one, described, directions)[0].tolist() == [0, 2, 3, 0, 1, 1, 0, 0, -1.5]


def test_what_has_to_be_measured_is_made_explicit_to_the_last_bit(subject) -> None:
    one = subject("gan")
    turned = Description(seed=3, principal_directions={1: 1.7})
    told = explicit(one, turned)
    assert set(json.loads(to_json(told))) == {"numbers"}
    assert torch.equal(codes_of(one, [told]), codes_of(one, [turned]))
    plain = Description(seed=3)
    assert explicit(one, plain) is plain


@given(some.lists(some.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_packed_numbers_come_back_to_the_last_bit(numbers) -> None:
    packed = pack(torch.tensor(numbers))
    assert list(Description.model_validate({"numbers": packed}).numbers or ()) == numbers
    one = Description(numbers=tuple(numbers))
    assert read(to_json(one)) == [one]


def test_several_codes_are_a_list(subject) -> None:
    assert len(read('[{"seed": 1}, {"seed": 2}]')) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the code is no JSON"),
        ("{", "the code is no JSON"),
        ("[" * 100_000, "the code is no JSON"),
        ("3", "the code: it = '3'"),
        ("[]", "the list of codes is empty"),
        ('[{"seed": 1}, null]', "code 2: it = 'None'"),
        ('{"sead": 1}', "unknown key sead; did you mean seed?"),
        ('{"seed": -1}', "seed = '-1': input should be greater than or equal to 0"),
        ('{"seed": 1.5}', "seed = '1.5'"),
        ('{"seed": null, "numbers": [NaN]}', "numbers.0 = 'nan': input should be a finite number"),
        ('{"numbers": "AAA"}', "the text is no base64"),
        ('{"numbers": "AAAA"}', "no base64 of numbers of four bytes"),
        ('{"numbers": "!!!!"}', "no base64"),
        ('{"numbers": "AACAfw"}', "input should be a finite number"),
        ('{"overrides": {"0": 1}}', "overrides.0"),
        ('{"overrides": {"one": 1}}', "overrides.one"),
        ('{"labels": {"Smiling": "yes"}}', "labels.Smiling = 'yes'"),
    ],
)
def test_a_text_that_describes_no_code_is_refused_in_a_sentence(text, said) -> None:
    with pytest.raises(RunError) as told:
        read(text)
    assert said in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("family", "text", "said"),
    [
        ("gan", '{"numbers": [1, 2]}', "numbers has 2 numbers, and a code of this model 3"),
        ("gan", '{"noise": [1, 2, 3, 4]}', "noise has 4 numbers, and a code of this model 3"),
        ("gan", '{"numbers": [1e9, 0, 0]}', "numbers.1 is 1e+09, out of range; expected -100 to 100"),
        ("gan", '{"noise": [1e30, 0, 0]}', "noise.1 is 1e+30, out of range; expected -100 to 100"),
        ("gan", '{"labels": {"Smiling": 1}}', "trained without labels"),
        (
            "acgan",
            '{"labels": {"Smilling": 1}}',
            "labels.Smilling: this model was not trained on it; did you mean Smiling?",
        ),
        ("acgan", '{"labels": {"Smiling": 4}}', "labels.Smiling is 4, out of range"),
        ("gan", '{"overrides": {"4": 0}}', "overrides.4: this model has only 3"),
        ("gan", '{"principal_directions": {"4": 0}}', "principal_directions.4: this model has only 3"),
        ("gan", '{"categories": {"1": 1}}', "categories.1: this model has none"),
        ("infogan", '{"categories": {"2": 4}}', "categories.2.4: this model has only 3"),
        ("infogan", '{"continuous": {"1": 11}}', "continuous.1 is 11, out of range"),
        ("gan", '{"attributes": {"Hat": 1}}', "attributes.Hat: there is no direction for it; none is known"),
    ],
)
def test_a_code_that_does_not_fit_the_model_is_refused_in_a_sentence(family, text, said, subject) -> None:
    with pytest.raises(RunError) as told:
        codes_of(subject(family), read(text))
    assert said in str(told.value)


def test_directions_are_the_same_every_time(subject) -> None:
    one: Any = subject("gan")
    assert torch.equal(Directions(one).principal, Directions(one).principal)
