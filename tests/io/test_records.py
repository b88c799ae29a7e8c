"""Dataclasses from files that are not trusted."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import pytest

from tidegate.errors import RunFolderError
from tidegate.io.records import from_record, to_record
from tidegate.text.model import LanguageModelConfig
from tidegate.train import TrainConfig
from tidegate.train.options import option

PATH = Path("config.json")


def read(record):
    return from_record(TrainConfig, record, PATH, "train")


@pytest.mark.parametrize(
    "config",
    [
        TrainConfig(),
        TrainConfig(
            feeding="sampled", sampling_probability_start=0.1, k2=50, minutes=2.5, clip=None, backend="reference"
        ),
    ],
)
def test_round_trip_through_json(config):
    assert read(json.loads(json.dumps(to_record(config)))) == config


def test_whole_numbers_are_read_as_floats_where_a_float_is_meant():
    read_back = read(to_record(TrainConfig()) | {"learning_rate": 1, "clip": 2})
    assert type(read_back.learning_rate) is float
    assert type(read_back.clip) is float
    assert type(read_back.batch_size) is int


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("batch_size", "32", "'train.batch_size' should be int"),
        ("batch_size", True, "'train.batch_size' should be int"),
        ("batch_size", 2**70, "'train.batch_size' should be int"),
        ("batch_size", 32.0, "'train.batch_size' should be int"),
        ("batch_size", None, "'train.batch_size' should be int"),
        ("batch_size", -1, "batch_size is -1"),
        ("learning_rate", math.nan, "'train.learning_rate' should be float"),
        ("learning_rate", math.inf, "'train.learning_rate' should be float"),
        ("clip", [1.0], "'train.clip' should be float | None"),
        ("feeding", "student", "'train.feeding' should be"),
        ("feeding", {}, "'train.feeding' should be"),
        ("k2", "x" * 10_000, "'train.k2' should be int | None"),
    ],
)
def test_a_wrong_value_is_named_with_its_file(name, value, message):
    with pytest.raises(RunFolderError) as caught:
        read(to_record(TrainConfig()) | {name: value})
    assert message in str(caught.value)
    assert str(caught.value).startswith("config.json")
    assert len(str(caught.value)) < 300


def test_missing_and_unknown_fields_are_named():
    record = to_record(TrainConfig())
    with pytest.raises(RunFolderError, match="'turbo' is not known"):
        read(record | {"turbo": 1})
    del record["seed"]
    with pytest.raises(RunFolderError, match="'seed' is missing"):
        read(record)
    with pytest.raises(RunFolderError, match="should be an object"):
        read([record])


def test_a_field_that_came_later_has_the_value_that_older_files_mean():
    """Old files are read, and written again as they were; another value is written."""

    @dataclass
    class Settings:
        size: int = option(3, "Size.")
        depth: int = option(2, "Depth, which was always 1.", absent=1)

    def read_settings(record):
        return from_record(Settings, record, PATH, "model")

    old = {"size": 5}
    assert read_settings(old) == Settings(5, 1)
    assert to_record(read_settings(old)) == old
    assert to_record(Settings()) == {"size": 3, "depth": 2}
    assert read_settings(to_record(Settings())) == Settings()
    with pytest.raises(RunFolderError, match="'size' is missing"):
        read_settings({"depth": 1})


def test_an_unknown_cell_in_a_file_is_the_files_fault():
    with pytest.raises(RunFolderError, match=r"config.json: 'model': .*lstn"):
        from_record(LanguageModelConfig, to_record(LanguageModelConfig(5)) | {"cell": "lstn"}, PATH, "model")
