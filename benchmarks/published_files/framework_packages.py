"""Packages with weights of PyTorch, Keras and TensorFlow 1."""

from __future__ import annotations

from benchmarks.published_files.own_runtimes import Keras, Torch
from benchmarks.published_files.package_rows import Package
from benchmarks.published_files.tensorflow_graph import FrozenGru

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
_TAGGER = {
    **{name: Keras("LSTM", (f"{name}/*",), gate="hard_sigmoid") for name in ("LSTM_1_forward", "LSTM_1_backward")},
    "bidirectional_1": Keras("LSTM", tuple(f"bidirectional_1/*/{it}_*" for it in _WAYS), gate="hard_sigmoid"),
}
_WORDS = "*/trained_models/eng"
_NC = "ethnicolr/models/nc_voter_reg/lstm/nc_voter_name"


def _words(*numbers: int) -> dict[str, Keras]:
    return {f"lstm_{n}": Keras("LSTM", (f"lstm_{n}/*",), gate="hard_sigmoid") for n in numbers}


FRAMEWORK_PACKAGES = (
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
        "asmscan-bilstm", "1.0.0", "GPL-3.0", "8ea505beeb4bc28d4cc5cd681f310ee8f5f7f90b45c25e4f7b8790bb5ac1bd87",
        "`.h5`, tf.keras 2.14",
        {"asmscan/bilstm/resources/model/cvms/*.h5": {"bi-lstm": Keras("LSTM", _BI), **_NEW}},
    ),
    Package(
        "chars2vec", "0.1.7", "Apache-2.0", "df05b0765e406e1bdb9f9537adf7fccb24db4a81956aea5c25a707a03a6a8094",
        "`.h5`, Keras 2.2, weights alone",
        {
            f"{_WORDS}_50/weights.h5": _words(1, 2),
            f"{_WORDS}_100/weights.h5": _words(3, 4),
            f"{_WORDS}_150/weights.h5": _words(5, 6),
            f"{_WORDS}_[23]00/weights.h5": _words(1, 2),
        },
        kind="sdist",
    ),
    Package(
        "cutkum", "2.4", "MIT", "0a274c0d7ca31269756a563526d8211deb0f8614fb49bba1fdf943bf688b1ba3",
        "a frozen graph of TensorFlow 1",
        {
            "*/frozen_model.pb": {
                name: FrozenGru(name) for name in (f"rnn/multi_rnn_cell/cell_{n}/gru_cell" for n in range(3))
            }
        },
        kind="sdist",
    ),
    Package(
        "dgaintel", "2.3", "MIT", "9d72715d6c07a069dd817cfd4f2b94c4acc8af65c15fe65bd0f9f5266e274646",
        "`.h5`, tf.keras 2.2.4",
        {"*/domain_classifier_model.h5": {"lstm_4": Keras("LSTM", ("model_weights/lstm_4/*",))}},
        kind="sdist",
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
        "rnnmorph", "0.4.1", "Apache-2.0", "f1565931a9d51631242f67cc44d9569ee539d9c3ad1c7a622f4f96d40a0bdc27",
        "`.h5`, Keras 2.1, weights alone", {"*/rnnmorph/models/*/*_model.h5": _TAGGER},
        kind="sdist",
    ),
    Package(
        "seeker", "1.0.3", "GPL", "b5825bc6a64f6b292192db5d8001dec8720b25d2cab4f9c6359cddad5ea7ce05",
        "`.h5`, tf.keras 2.2.4", {"seeker/models/*.h5": _NEW},
    ),
    Package(
        "sentinews", "0.5.0", "MIT", "7f8aa65b2b39f8911a997dce71ca423b1b8695481e671e60a865670408eb2247",
        "`.h5`, Keras 2.0", {"*/default_best.h5": _ACTIVE},
        kind="sdist",
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
        "textgenrnn", "2.0.0", "MIT", "c2b6f1c201c76d5a6021079e95a8db499bbe15d9f3448d33cb51c0cd496c86f8",
        "`.hdf5`, Keras 2.1 on cuDNN",
        {
            "*/textgenrnn_weights.hdf5": {
                name: Keras("CuDNNLSTM", (f"{name}/*",)) for name in ("rnn_1", "rnn_2")
            }
        },
        kind="sdist",
    ),
    Package(
        "ugc-sentiment", "0.0.9", "MIT", "841a655416237b69644ab602eb507bb1b05431b76e5194fd91a7a8a382ed2b97",
        "`.h5`, Keras 2.0", {"*/default_best.h5": {"bidirectional_1": Keras("GRU", _GRU_BOTH, gate="hard_sigmoid")}},
        kind="sdist",
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
