"""tidegate cells."""

import pytest

from tidegate.cells import CELLS


def test_the_list_has_a_line_for_every_cell(cli):
    result = cli("cells")
    assert result.exit_code == 0
    lines = {line.split()[0]: line for line in result.stdout.splitlines()[1:] if line}
    for name, cell in CELLS.items():
        assert f"{len(cell.input_gates)} + {len(cell.recurrent_gates)}" in lines[name]
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_a_cell_shows_its_equations_and_conventions(cli):
    result = cli("cells", "peephole_lstm")
    assert result.exit_code == 0
    cell = CELLS["peephole_lstm"]
    for line in cell.text().splitlines():
        assert result.stdout.count(line) == 1
    assert cell.paper in result.stdout
    assert cell.convention in result.stdout
    assert "per-unit vectors: p_i p_f p_o" in result.stdout


def test_the_cost_of_kerass_reference_layer(cli):
    # Keras: LSTM(100) on 50 inputs has 40,000 + 20,000 + 400 parameters.
    result = cli("cells", "lstm", "--input-size", 50, "--hidden-size", 100)
    assert result.stdout.splitlines()[-1].split()[:2] == ["lstm", "60,400"]


def test_several_cells_are_compared(cli):
    result = cli("cells", "lstm", "gru", "rnn_tanh", "--input-size", 10, "--hidden-size", 10)
    rows = [line.split() for line in result.stdout.splitlines()[-3:]]
    # 10 x 10 weights twice and biases, for each of 4, 3 and 1 gates; the gru's n has a second bias inside the reset.
    assert [row[:2] for row in rows] == [["lstm", "840"], ["gru", "640"], ["rnn_tanh", "210"]]


def test_latex(cli):
    result = cli("cells", "gru", "--latex")
    assert result.stdout.strip() == CELLS["gru"].latex()


def test_a_misspelt_cell_gets_the_nearest(cli):
    result = cli("cells", "lsmt")
    assert result.exit_code == 2
    assert "did you mean 'lstm' or 'slstm'?" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("option", ["--input-size", "--hidden-size", "--batch"])
def test_sizes_must_be_positive(cli, option):
    result = cli("cells", "lstm", option, 0)
    assert result.exit_code == 2
    assert option in result.stderr
