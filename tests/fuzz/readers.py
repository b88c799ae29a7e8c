"""Every reader of files that people give, as a function of a path; and a small valid file for each."""

import gzip
import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import safetensors.torch
import torch
import typer
from PIL import Image
from scipy.io import wavfile

from tidegate.cli.settings_file import take_settings
from tidegate.cli.verbs.train import command
from tidegate.convert import read as read_weights
from tidegate.data.images import read_image
from tidegate.data.vocabulary import Vocabulary
from tidegate.data.words.vectors import read_vectors
from tidegate.export.audio.nam_file import read_nam
from tidegate.export.audio.rtneural_file import read_rtneural
from tidegate.tasks.classify.task import ClassifyConfig, ClassifyTask
from tidegate.tasks.forecast.config import ForecastConfig
from tidegate.tasks.forecast.task import ForecastTask
from tidegate.tasks.regress import audio as audio_files
from tidegate.tasks.regress.config import RegressConfig
from tidegate.tasks.regress.task import RegressTask
from tidegate.tasks.seq2seq.caption import CaptionConfig, CaptionTask
from tidegate.tasks.seq2seq.translate import TranslateConfig, TranslateTask
from tidegate.tasks.seq2seq.translate_reader import Pair
from tidegate.tasks.tag.task import TagConfig, TagTask
from tidegate.text.corpus.build_corpus import prepare_corpus
from tidegate.text.task import LanguageModelTask

CONFIGS = {
    "classify": (ClassifyTask, ClassifyConfig(min_count=1)),
    "tag": (TagTask, TagConfig(min_count=1)),
    "translate": (TranslateTask, TranslateConfig(min_count=1)),
    "caption": (CaptionTask, CaptionConfig(min_count=1, image_size=4)),
    "forecast": (ForecastTask, ForecastConfig(horizon=1, window=4)),
    "forecast-several": (
        ForecastTask,
        ForecastConfig(horizon=1, window=4, target="y,z", covariates="day", past_covariates="sky", missing="mask"),
    ),
    "regress": (RegressTask, RegressConfig(inputs="x", targets="y", missing="mean", burn_in=1, taps=2)),
    "regress-times": (
        RegressTask,
        RegressConfig(
            inputs="x",
            targets="y",
            time_column="at",
            missing="previous",
            missing_rows="fill",
            burn_in=1,
            taps=2,
        ),
    ),
    "regress-arrays": (RegressTask, RegressConfig(burn_in=1, taps=2)),
}


def learn(task: str, path: Any) -> None:
    """Read, fit and encode, as training does; then encode without targets, as predictions do."""
    kind, config = CONFIGS[task]
    parts = kind.split([row for row in kind.read(path, config) if not row.blank], (1.0, 0.0, 0.0), 0)
    rows = [row for _, row in parts]
    preprocessing, _ = kind.fit(rows, config)
    for row in rows:
        list(kind.encode(row, config, preprocessing))
    for row in kind.read(path, config):
        if not row.blank:
            list(kind.encode(row, config, preprocessing, labelled=False))


def corpus(tokenizer: Any, path: Path) -> None:
    """Encode a text for a language model."""
    with tempfile.TemporaryDirectory() as folder:
        prepare_corpus(path, folder, tokenizer=tokenizer)


def folder(task: str, path: Path) -> None:
    """Read the folder that the file is in."""
    learn(task, path.parent)


def member(path: Path) -> None:
    """Read an array, whose checksums fit, of a file."""
    with tempfile.TemporaryDirectory() as here:
        with zipfile.ZipFile(Path(here) / "a.npz", "w", zipfile.ZIP_DEFLATED) as file:
            file.write(path, "frames.npy")
            file.writestr("labels.npy", array(np.array(["a", "b", "a"])))
        learn("classify", Path(here) / "a.npz")


def pair(path: Path) -> None:
    """Read two aligned files."""
    learn("translate", Pair(path, path))


def audio(path: Path) -> None:
    """Read a recording as the input and the target."""
    learn("regress-arrays", audio_files.Pair(path, path))


def vectors(path: Path) -> None:
    """Read word vectors."""
    read_vectors(path, Vocabulary(["<unk>", "warm", "slow", "New York"]), 3, further=2)


def vector_array(path: Path) -> None:
    """Read word vectors of an array, with its words beside it."""
    path.with_suffix(".txt").write_text("warm\nslow\nfast\n")
    vectors(path)


def picture(path: Path) -> None:
    """Read an image."""
    read_image(path, 4)


def settings(path: Path) -> None:
    take_settings(typer.Context(command(LanguageModelTask)), path)


READERS: Mapping[str, tuple[str, Callable[[Path], object]]] = {
    **{f"classify-{it}": (f"a.{it}", partial(learn, "classify")) for it in ("csv", "tsv", "jsonl", "json", "parquet")},
    "classify-fasttext": ("a.txt", partial(learn, "classify")),
    "classify-folder": ("a.txt", partial(folder, "classify")),
    **{f"{it}-npz": ("a.npz", partial(learn, it)) for it in ("classify", "tag", "caption", "forecast")},
    "compressed-npz": ("a.npz", partial(learn, "classify")),
    "member-npy": ("a.npy", member),
    **{f"tag-{it}": (f"a.{it}", partial(learn, "tag")) for it in ("conll", "conllu", "jsonl", "parquet")},
    **{f"translate-{it}": (f"a.{it}", partial(learn, "translate")) for it in ("tsv", "csv")},
    "classify-semicolons": ("a.csv", partial(learn, "classify")),
    "forecast-commas": ("a.csv", partial(learn, "forecast")),
    "forecast-several": ("a.csv", partial(learn, "forecast-several")),
    "translate-pair": ("a.txt", pair),
    "caption-tsv": ("a.tsv", partial(learn, "caption")),
    **{f"forecast-{it}": (f"a.{it}", partial(learn, "forecast")) for it in ("csv", "jsonl", "parquet")},
    **{f"regress-{it}": (f"a.{it}", partial(learn, "regress")) for it in ("csv", "parquet")},
    "regress-times": ("a.csv", partial(learn, "regress-times")),
    "regress-npz": ("a.npz", partial(learn, "regress-arrays")),
    "regress-wav": ("a.wav", audio),
    **{f"image-{it}": (f"a.{it}", picture) for it in ("png", "jpg", "gif", "bmp", "webp", "tif")},
    "vectors": ("a.txt", vectors),
    "vectors-gz": ("a.vec.gz", vectors),
    "vectors-bin": ("a.bin", vectors),
    "vectors-npy": ("a.npy", vector_array),
    "plugin-nam": ("a.nam", read_nam),
    "plugin-json": ("a.json", read_rtneural),
    **{f"weights-{it}": (f"a.{it}", read_weights) for it in ("pt", "safetensors", "npz", "h5", "keras")},
    "settings": ("a.toml", settings),
    **{f"corpus-{it}": ("a.txt", partial(corpus, it)) for it in ("characters", "bytes", "bpe", "words")},
}


def read(path: Path) -> None:
    """Read a file as the reader does whose name its folder has; of a folder of such folders, all files."""
    for it in [path] if path.is_file() else [path / name / file for name, (file, _) in READERS.items()]:
        READERS[it.parent.name][1](it)


def array(values: Any) -> bytes:
    """The bytes of a .npy file."""
    raw = io.BytesIO()
    np.save(raw, values)
    return raw.getvalue()


def _arrays(save: Callable[..., None] = np.savez, **arrays: Any) -> bytes:
    raw = io.BytesIO()
    save(raw, **arrays)
    return raw.getvalue()


def _wav(samples: Any) -> bytes:
    raw = io.BytesIO()
    wavfile.write(raw, 8000, samples)
    return raw.getvalue()


def _parquet(**columns: Any) -> bytes:
    raw = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), raw)
    return raw.getvalue()


def _lines(*rows: Any) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _image(ending: str) -> bytes:
    raw, points = io.BytesIO(), np.arange(12 * 12 * 3, dtype=np.uint8).reshape(12, 12, 3)
    Image.fromarray(points).save(raw, {"jpg": "jpeg", "tif": "tiff"}.get(ending, ending))
    return raw.getvalue()


def _plugin(ending: str) -> bytes:
    """A file of an audio plug-in with a layer of one hidden unit."""
    sizes = {"input_size": 1, "hidden_size": 1, "num_layers": 1}
    dense = {"type": "dense", "activation": "", "shape": [None, None, 1], "weights": [[[1.5]], [0.25]]}
    layer = {"type": "gru", "shape": [None, None, 1], "weights": [[[0.5] * 3], [[-1.0] * 3], [[0.0] * 3] * 2]}
    made = {
        "nam": {"version": "0.5.4", "architecture": "LSTM", "config": sizes, "weights": [0.5] * 16},
        "json": {"in_shape": [None, None, 1], "layers": [layer, dense], "in_skip": 1, "out_gain": -3.0},
    }
    return json.dumps(made[ending]).encode()


def _keras(ending: str) -> bytes:
    """A model of Keras with an LSTM of one hidden unit."""
    import h5py

    raw, archive = io.BytesIO(), io.BytesIO()
    config = {"class_name": "Sequential", "config": {"layers": [{"class_name": "LSTM", "config": {"name": "one"}}]}}
    place = "layers/lstm/cell/vars" if ending == "keras" else "model_weights/one"
    with h5py.File(raw, "w") as file:
        for n, shape in enumerate([(2, 4), (1, 4), (4,)]):
            file[f"{place}/{n}"] = np.ones(shape, "f4")
        if ending == "h5":
            file.attrs.update(keras_version="2.1.6", model_config=json.dumps(config))
            file["model_weights"].attrs["layer_names"] = [b"one"]
            file[place].attrs["weight_names"] = [b"0", b"1", b"2"]
    if ending == "h5":
        return raw.getvalue()
    with zipfile.ZipFile(archive, "w") as parts:
        parts.writestr("config.json", json.dumps(config))
        parts.writestr("model.weights.h5", raw.getvalue())
    return archive.getvalue()


def _weights(ending: str) -> bytes:
    """The weights of a layer with two hidden units."""
    tensors, raw = torch.nn.GRU(3, 2).state_dict(), io.BytesIO()
    if ending in ("h5", "keras"):
        return _keras(ending)
    if ending == "npz":
        return _arrays(**{name: value.numpy() for name, value in tensors.items()})
    if ending == "safetensors":
        return safetensors.torch.save(tensors)
    torch.save({"model": tensors}, raw)
    return raw.getvalue()


def whole(name: str) -> bytes:
    """A valid file for a reader."""
    task, _, ending = name.partition("-")
    texts, labels = ["warm and funny", "slow, grey", 'a "b" c', "Adèle 👍🏽"] * 3, ["like", "not", "like", "not"] * 3
    numbers = [1.5, -2.0, 3.25, 4.0, 5.5, 6.0, 7.25, 8.0]
    frames = np.arange(24.0).reshape(3, 4, 2)
    days = [f"2024-01-{n + 1:02d}" for n in range(8)]
    dated = list(zip(days, numbers, strict=True))
    if task == "image":
        return _image(ending)
    if task == "weights":
        return _weights(ending)
    if task == "plugin":
        return _plugin(ending)
    if task == "classify" and ending in ("jsonl", "json"):
        rows = [{"text": text, "label": label, "n": 1.5} for text, label in zip(texts, labels, strict=True)]
        return _lines(*rows) if ending == "jsonl" else json.dumps(rows, indent=1).encode()
    quoted = [(text.replace('"', '""'), label) for text, label in zip(texts, labels, strict=True)]
    made = {
        "classify-csv": (b"text,label\r\n" + "".join(f'"{text}",{label}\r\n' for text, label in quoted).encode()),
        "classify-tsv": "".join(f"{text}\t{it}\n" for text, it in [("text", "label"), *quoted]).encode(),
        "classify-parquet": _parquet(text=texts, label=pyarrow.array(labels).dictionary_encode(), n=[1] * 12),
        "classify-fasttext": "".join(f"__label__{it} {text}\n" for text, it in quoted).encode(),
        "classify-folder": "\n".join(texts).encode(),
        "compressed-npz": _arrays(np.savez_compressed, frames=frames, labels=np.array([0, 1, 0])),
        "classify-npz": _arrays(frames=frames, labels=np.array(["a", "b", "a"]), lengths=np.array([4, 2, 1])),
        "tag-npz": _arrays(frames=frames, labels=np.arange(12).reshape(3, 4) % 2),
        "caption-npz": _arrays(
            images=frames, captions=np.array(["one two", "two", "one"]), extra=np.array(["on", "off"])
        ),
        "forecast-npz": _arrays(frames=frames, series=np.array(["p", "q", "r"])),
        "member-npy": array(frames),
        "tag-conll": b"# a = b\nwarm X B-P\nfunny Y O\n\nslow X O\n\n" * 3,
        "tag-conllu": (
            ("# a = b\n1\twarm\t_\tADJ" + "\t_" * 6 + "\n2\tfilm\t_\tNOUN" + "\t_" * 6 + "\n\n").encode() * 3
        ),
        "tag-jsonl": _lines(*[{"tokens": ["warm", "é"], "tags": ["X", "Y"]}, {"tokens": [], "tags": []}] * 3),
        "tag-parquet": _parquet(tokens=[["warm", "é"], ["a"]] * 3, tags=[[0, 1], [1]] * 3),
        "translate-tsv": b"warm film\tfilm chaud\n\nslow\tlent\tx\n" * 3,
        "translate-csv": b'source,target\n"a, b",x\nc,"y\nz"\n' * 2,
        "classify-semicolons": b"sep=;\r\ntext;label\r\n"
        + b"".join(f'"{text}";{label}\r\n'.encode() for text, label in quoted),
        "forecast-commas": "".join(
            ["date;y;z\n", *(f"{day[8:]}.01.2024;{f'{n:.2f}'.replace('.', ',')};1.000,5\n" for day, n in dated)]
        ).encode(),
        "translate-pair": "warm film\nslow\né\n".encode() * 3,
        "caption-tsv": b"file\tcaption\nb.png\tred\nb.png\tblue film\n",
        "forecast-several": "".join(
            ["y,z,day,sky\n", *(f"{n},{n},{'MT'[k % 2]},{'ab'[k % 2]}\n" for k, n in enumerate(numbers)), ",,M,\n"]
        ).encode(),
        "forecast-csv": (
            "date,y,z\n" + "".join(f"{day},{n},{n}\n" for day, n in zip(days, numbers, strict=True))
        ).encode(),
        "forecast-jsonl": _lines(*[{"time": day, "y": n} for day, n in zip(days, numbers, strict=True)]),
        "forecast-parquet": _parquet(time=pyarrow.array(days).cast(pyarrow.timestamp("ns")), y=numbers),
        "regress-csv": b"x,y\n" + b"".join(b"%d,%s\n" % (n, [b"", b"-1e3"][n % 3 > 0]) for n in range(12)),
        "regress-times": ("at,x,y\n" + "".join(f"{day},{n},1\n" for n, day in enumerate(days) if n != 3)).encode(),
        "regress-parquet": _parquet(x=[1.5, None, 2.0] * 4, y=list(range(12))),
        "regress-npz": _arrays(frames=frames, targets=frames[..., 0], series=np.array(["p", "q", "r"])),
        "regress-wav": _wav(np.arange(-20, 20, dtype=np.int16) * 400),
        "settings": b'data = ["a.txt"]\nhidden-size = 16\ndropout = 0.1\neos = false\ncell = "lstm"\n',
        "vectors": b"3 3\nwarm 1.0 2 -3e-1\nslow .5 1 2\nNew York 1 2 3\n",
        "vectors-gz": gzip.compress(b"warm 1.0 2 -3e-1\nslow .5 1 2\nNew York 1 2 3\n", mtime=0),
        "vectors-bin": b"3 3\n" + b"".join(it + b" " + bytes(range(12)) + b"\n" for it in (b"warm", b"slow", b"fast")),
        "vectors-npy": array(np.arange(9.0).reshape(3, 3)),
    }
    return made[name] if name in made else ("The warm film was slow. " * 60 + "Adèle 👍🏽\r\n").encode()
