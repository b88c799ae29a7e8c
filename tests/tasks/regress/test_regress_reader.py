"""Series are read from tables and arrays; what is missing is masked, filled as asked, or refused by its place."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tidegate.data.columns import Preprocessing
from tidegate.errors import ArgumentError, DataError
from tidegate.tasks.regress.config import RegressConfig
from tidegate.tasks.regress.preparation import fit_series, shifted, split_in_time
from tidegate.tasks.regress.task import RegressTask

COLUMNS: dict[str, Any] = {"inputs": "rain,sun", "targets": "flow"}


def write(folder: Path, text: str, name: str = "a.csv") -> Path:
    (folder / name).write_text(text)
    return folder / name


def rows(path: Path, **config: Any) -> list[Any]:
    return list(RegressTask.read(path, RegressConfig(**(COLUMNS | config))))


def test_a_table_of_several_series_is_that_of_pandas(tmp_path: Path) -> None:
    path = write(tmp_path, "basin,area,rain,sun,flow,x\nb,7,1,2,3,?\na,9,4,5,,?\nb,7,6,7,8,?\na,9,1e1,-.5,nan,?\n")
    found = rows(path, series_column="basin", static="area")
    table = pd.read_csv(path)
    assert [row.values["series"] for row in found] == ["b", "a"]
    for row in found:
        own = table[table.basin == row.values["series"]]
        np.testing.assert_array_equal(row.values["inputs"], own[["rain", "sun", "area"]])
        np.testing.assert_array_equal(row.values["targets"], own[["flow"]])
        assert row.values["rows"].tolist() == [n + 1 for n in own.index]


@pytest.mark.parametrize(
    ("text", "config", "message"),
    [
        ("rain,sun,flow\n1,2,3\n1,,3\n", {}, r"row 2: the input 'sun' is missing.*--missing previous"),
        ("rain,sun,flow\n1,2,3\n1,dry,3\n", {}, r"row 2: column 'sun' holds 'dry'"),
        ("rain,sun,flow\n1,2,3\n1,2,inf\n", {}, r"row 2: column 'flow' holds 'inf'"),
        ("rain,sun,flow\n1,2,3\n1,2,1e31\n", {}, r"at most 1e\+30"),
        ("rain,flow\n1,2\n", {}, r"there is no column 'sun'; there are: 'rain', 'flow'"),
        ("rain,sun,flow\n1,2,3\n", {"targets": "flow,stage"}, r"there is no column 'stage'"),
        ("rain,sun,flow\n1,2,3\n", {"inputs": None}, r"Say --inputs and --targets; there are: 'rain'"),
        ("rain,sun,flow\n1,2,3\n", {"series_column": "basin"}, r"there is no column 'basin'"),
        ("rain,sun,flow,b\n1,2,3,p\n1,2,3,\n", {"series_column": "b"}, r"row 2: column 'b' does not name the series"),
        ("date,rain,sun,flow\n2024-01-02,1,2,3\n2024-01-01,1,2,3\n", {}, r"row 2: the date 2024-01-01 does not come"),
        ("date,rain,sun,flow\n2024-01-02,1,2,3\n2024-01-02,1,2,3\n", {}, r"say --series-column if they belong"),
        ("rain,sun,flow,b\n1,2,3,4\n1,2,3,5\n", {"static": "b"}, r"row 2: the static column 'b' holds 5 here and 4"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_place(
    tmp_path: Path, text: str, config: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        rows(write(tmp_path, text), **config)


def test_semicolons_and_decimal_commas_are_read_and_reported(tmp_path: Path) -> None:
    path = write(tmp_path, "date;rain;sun;flow\n2024-01;1,5;2;NA\n2024-02;1,25;-3;1.234,5\n")
    (row,) = rows(path)
    expected = pd.read_csv(path, sep=";", decimal=",", thousands=".")
    np.testing.assert_array_equal(row.values["inputs"], expected[["rain", "sun"]])
    np.testing.assert_array_equal(row.values["targets"], expected[["flow"]])
    (note,) = RegressTask.remarks(path, RegressConfig(**COLUMNS))
    assert note.endswith("is read as: columns separated by ';', decimal commas")
    with pytest.raises(DataError, match=r"row 1: column 'rain' holds '1,5'.*'\.' as the decimal mark"):
        rows(path, decimal=".")


def test_missing_inputs_are_filled_as_asked(tmp_path: Path) -> None:
    path = write(tmp_path, "rain,sun,flow\n,2,3\n4,,3\n,6,\n8,8,8\n")
    frame = pd.read_csv(path)[["rain", "sun"]]
    (row,) = rows(path, missing="previous")
    np.testing.assert_array_equal(row.values["inputs"], frame.ffill())
    config = RegressConfig(**COLUMNS, missing="mean", burn_in=0, taps=1)
    (row,) = RegressTask.read(path, config)
    np.testing.assert_array_equal(row.values["inputs"], frame)
    preprocessing, notes = fit_series([row], config)
    assert preprocessing.numbers("input_mean") == pytest.approx(frame.mean().tolist())
    assert preprocessing.numbers("input_deviation") == pytest.approx(np.nanstd(frame.to_numpy(), 0).tolist())
    (encoded,) = RegressTask.encode(row, config, preprocessing)
    expected = ((frame.fillna(frame.mean()) - frame.mean()) / frame.std(ddof=0)).to_numpy()
    np.testing.assert_allclose(encoded["inputs"], expected, atol=1e-6)
    assert "3 missing inputs of the training part were filled, as --missing says" in notes
    assert "1 of 4 values of flow are not known in the training part: left out" in notes


def test_arrays_are_read(tmp_path: Path) -> None:
    frames, targets = np.arange(24.0).reshape(2, 4, 3), np.arange(8.0).reshape(2, 4)
    targets[0, 1] = np.nan
    np.savez(tmp_path / "a.npz", frames=frames, targets=targets, lengths=[4, 2], series=["p", "q"])
    found = list(RegressTask.read(tmp_path / "a.npz", RegressConfig()))
    assert [row.values["series"] for row in found] == ["p", "q"]
    np.testing.assert_array_equal(found[1].values["inputs"], frames[1, :2])
    np.testing.assert_array_equal(found[0].values["targets"], targets[0][:, None])
    with pytest.raises(DataError, match="has no columns: leave out --inputs"):
        rows(tmp_path / "a.npz")
    frames[1, 1, 2] = np.nan
    np.savez(tmp_path / "a.npz", frames=frames, targets=targets)
    with pytest.raises(DataError, match=r"series 2, step 2: input 2 is missing"):
        list(RegressTask.read(tmp_path / "a.npz", RegressConfig()))
    filled = list(RegressTask.read(tmp_path / "a.npz", RegressConfig(missing="previous")))[1].values["inputs"]
    np.testing.assert_array_equal(filled, pd.DataFrame(frames[1]).ffill())


@pytest.mark.parametrize("steps", [0, 2, -2, 9])
def test_a_shift_pairs_inputs_with_later_targets(tmp_path: Path, steps: int) -> None:
    path = write(tmp_path, "rain,sun,flow\n" + "".join(f"{n},{n},{n}\n" for n in range(7)))
    (row,) = rows(path, shift=steps)
    expected = pd.Series(np.arange(7.0)).shift(-steps)
    np.testing.assert_array_equal(row.values["targets"][:, 0], expected)
    assert shifted(row, 0) is row


def test_later_parts_begin_with_the_steps_that_set_the_state(tmp_path: Path) -> None:
    path = write(tmp_path, "rain,sun,flow\n" + "".join(f"{n},{n % 3},{n * n}\n" for n in range(40)))
    config = RegressConfig(**COLUMNS, burn_in=5, taps=3)
    parts = dict(split_in_time(rows(path), (0.8, 0.1, 0.1)))
    preprocessing, _ = fit_series([parts["train"]], config)
    mean, deviation = (preprocessing.numbers(f"input_{it}")[0] for it in ("mean", "deviation"))
    steps: dict[str, Any] = {}
    for name, row in parts.items():
        (encoded,) = RegressTask.encode(row, config, preprocessing)
        steps[name] = np.round(encoded["inputs"][:, 0] * deviation + mean).tolist()
        assert int(encoded["skip"][0]) == 5
        assert len(encoded["targets"]) == len(encoded["inputs"])
    assert steps == {
        "train": list(range(32)),
        "validation": list(range(27, 36)),
        "test": list(range(31, 40)),
    }
    with pytest.raises(DataError, match="too few to be split"):
        list(split_in_time(rows(write(tmp_path, "rain,sun,flow\n1,2,3\n")), (0.8, 0.1, 0.1)))
    short = rows(write(tmp_path, "rain,sun,flow\n1,2,3\n2,3,4\n", "b.csv"))[0]
    with pytest.raises(DataError, match="none is left after the burn-in of 5"):
        RegressTask.encode(short, config, preprocessing)


def test_columns_and_targets_must_be_those_of_training(tmp_path: Path) -> None:
    path = write(tmp_path, "rain,sun,flow\n" + "".join(f"{n},{n % 3},{n * n}\n" for n in range(40)))
    config = RegressConfig(**COLUMNS)
    preprocessing, _ = fit_series(rows(path), config)
    (bare,) = rows(write(tmp_path, "rain,sun\n1,2\n", "bare.csv"))
    (encoded,) = RegressTask.encode(bare, config, preprocessing, labelled=False)
    assert encoded["inputs"].shape == (1, 2)
    with pytest.raises(DataError, match="there is no column 'flow', from which to learn"):
        RegressTask.encode(bare, config, preprocessing)
    (other,) = rows(path, inputs="rain")
    with pytest.raises(DataError, match="has the inputs rain, but those of training are rain, sun"):
        RegressTask.encode(other, config, preprocessing)
    with pytest.raises(ArgumentError, match="'rain': named more than once"):
        RegressConfig(inputs="rain", targets="rain")
    (unknown,) = rows(write(tmp_path, "rain,sun,flow\n1,2,\n" * 1 + "1,2,\n" * 30, "c.csv"))
    with pytest.raises(DataError, match="no value of the target 'flow'"):
        fit_series([unknown], config)
    with pytest.raises(DataError, match="another series of the training part is called 'a'"):
        fit_series(rows(path) * 2, config)


def test_a_unit_does_not_matter(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    table = draw.gamma(1, 1, (60, 3))
    encoded = []
    for unit in (1.0, 1e-25, 1e25):
        text = "rain,sun,flow\n" + "".join(",".join(f"{unit * it:.17g}" for it in row) + "\n" for row in table)
        (row,) = rows(write(tmp_path, text))
        preprocessing, _ = fit_series([row], RegressConfig(**COLUMNS, taps=4))
        encoded.append(*RegressTask.encode(row, RegressConfig(**COLUMNS), preprocessing))
        assert isinstance(preprocessing, Preprocessing)
    for it in encoded[1:]:
        np.testing.assert_allclose(it["inputs"], encoded[0]["inputs"], rtol=1e-5)
        np.testing.assert_allclose(it["targets"], encoded[0]["targets"], rtol=1e-5)
