"""Models of published papers, written from these with torch.nn's layers, and inputs of the lengths they are used with.

Sizes are the papers' where they fit a test; those of vocabularies and images are smaller, as they are not recurrent.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class NoiseSuppressor(nn.Module):
    """Valin 2018, "A hybrid DSP/deep learning approach to real-time full-band speech enhancement": three GRUs."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(42, 24)
        self.speech = nn.GRU(24, 24, batch_first=True)
        self.noise = nn.GRU(24 + 24 + 42, 48, batch_first=True)
        self.denoise = nn.GRU(24 + 48 + 42, 96, batch_first=True)
        self.gains, self.voice = nn.Linear(96, 22), nn.Linear(24, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Frames (B, T, 42) to gains of bands (B, T, 22) and the probability of speech (B, T, 1)."""
        first = torch.tanh(self.dense(x))
        speech = self.speech(first)[0]
        noise = self.noise(torch.cat([first, speech, x], -1))[0]
        denoise = self.denoise(torch.cat([speech, noise, x], -1))[0]
        return torch.sigmoid(self.gains(denoise)), torch.sigmoid(self.voice(speech))


class TextInImages(nn.Module):
    """Shi, Bai & Yao 2015, "An end-to-end trainable neural network for image-based sequence recognition" (CRNN)."""

    def __init__(self) -> None:
        super().__init__()
        sizes = [1, 16, 32, 64]
        layers: list[nn.Module] = []
        for before, after in pairwise(sizes):
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), nn.MaxPool2d((2, 2 if after < 64 else 1))]
        self.images = nn.Sequential(*layers)
        self.first = nn.LSTM(64 * 4, 256, bidirectional=True)
        self.between = nn.Linear(512, 256)
        self.second = nn.LSTM(256, 256, bidirectional=True)
        self.output = nn.Linear(512, 37)

    def forward(self, x: Tensor) -> Tensor:
        """Images (B, 1, 32, W) to log probabilities of characters (W / 4, B, 37)."""
        columns = self.images(x).flatten(1, 2).permute(2, 0, 1)
        return self.output(self.second(self.between(self.first(columns)[0]))[0]).log_softmax(-1)


class AutoregressiveForecaster(nn.Module):
    """Salinas, Flunkert & Gasthaus 2017, "DeepAR": an LSTM that is fed its own means after the known steps."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.LSTM(5, 40, 3, batch_first=True, dropout=0.1)
        self.mean, self.spread = nn.Linear(40, 1), nn.Linear(40, 1)

    def forward(self, values: Tensor, covariates: Tensor) -> tuple[Tensor, Tensor]:
        """Values (B, T, 1) and covariates (B, T + horizon, 4) to means and spreads."""
        known = values.shape[1]
        h, state = self.layers(torch.cat([values, covariates[:, :known]], -1))
        found = [self.mean(h[:, -1:])]
        for t in range(known, covariates.shape[1] - 1):
            h, state = self.layers(torch.cat([found[-1], covariates[:, t : t + 1]], -1), state)
            found.append(self.mean(h))
        return torch.cat(found, 1), functional.softplus(self.spread(h))


class RainfallRunoff(nn.Module):
    """Kratzert et al. 2018, "Rainfall-runoff modelling using long short-term memory networks": a year."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.LSTM(5, 20, 2, batch_first=True, dropout=0.1)
        self.output = nn.Linear(20, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Weather (B, 365, 5) to the runoff of the last day (B, 1)."""
        return self.output(self.layer(x)[1][0][-1])


class WordLanguageModel(nn.Module):
    """Zaremba, Sutskever & Vinyals 2014, "Recurrent neural network regularization": the small model."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(1000, 200)
        self.layers = nn.LSTM(200, 200, 2)
        self.output = nn.Linear(200, 1000)

    def forward(self, tokens: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Tokens (T, B) to logits (T, B, V), and the state."""
        h, state = self.layers(self.embedding(tokens), state)
        return self.output(h), state


class SpeakerEncoder(nn.Module):
    """Wan et al. 2018, "Generalized end-to-end loss for speaker verification": the last output, of length 1."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.LSTM(40, 256, 3, batch_first=True)
        self.output = nn.Linear(256, 256)

    def forward(self, frames: Tensor) -> Tensor:
        """Frames (B, T, 40) to vectors of speakers (B, 256)."""
        return functional.normalize(torch.relu(self.output(self.layers(frames)[1][0][-1])), dim=1)


class PianoTranscriber(nn.Module):
    """Hawthorne et al. 2018, "Onsets and frames": onsets help find frames."""

    def __init__(self) -> None:
        super().__init__()
        self.onset_features, self.frame_features = nn.Linear(229, 96), nn.Linear(229, 88)
        self.onsets = nn.LSTM(96, 128, batch_first=True, bidirectional=True)
        self.onset_output = nn.Linear(256, 88)
        self.frames = nn.LSTM(176, 128, batch_first=True, bidirectional=True)
        self.frame_output = nn.Linear(256, 88)

    def forward(self, spectrogram: Tensor) -> tuple[Tensor, Tensor]:
        """Frames (B, T, 229) to probabilities of onsets and of notes (B, T, 88)."""
        onsets = torch.sigmoid(self.onset_output(self.onsets(torch.relu(self.onset_features(spectrogram)))[0]))
        both = torch.cat([onsets, torch.sigmoid(self.frame_features(spectrogram))], -1)
        return onsets, torch.sigmoid(self.frame_output(self.frames(both)[0]))


class Translator(nn.Module):
    """Bahdanau, Cho & Bengio 2014, "Neural machine translation by jointly learning to align and translate"."""

    def __init__(self) -> None:
        super().__init__()
        self.source, self.target = nn.Embedding(120, 64), nn.Embedding(120, 64)
        self.encoder = nn.GRU(64, 128, batch_first=True, bidirectional=True)
        self.start = nn.Linear(128, 128)
        self.query, self.key, self.score = nn.Linear(128, 96), nn.Linear(256, 96), nn.Linear(96, 1)
        self.decoder = nn.GRUCell(64 + 256, 128)
        self.output = nn.Linear(128, 120)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Tokens (B, S) and (B, T) to logits (B, T, V)."""
        read, final = self.encoder(self.source(source))
        keys, state, found = self.key(read), torch.tanh(self.start(final[1])), []
        for t in range(target.shape[1]):
            weights = self.score(torch.tanh(keys + self.query(state)[:, None])).softmax(1)
            context = (weights * read).sum(1)
            state = self.decoder(torch.cat([self.target(target[:, t]), context], -1), state)
            found.append(self.output(state))
        return torch.stack(found, 1)


class WorldModel(nn.Module):
    """Ha & Schmidhuber 2018, "World models": an LSTM cell, and mixtures of Gaussians of the next latent state."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(32 + 3, 256)
        self.mixture = nn.Linear(256, 3 * 5 * 32)

    def forward(self, latents: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """(T, B, 32) and (T, B, 3) to the numbers of the mixtures, and c."""
        state, found = None, []
        for z, a in zip(latents, actions, strict=True):
            state = self.cell(torch.cat([z, a], -1), state)
            found.append(self.mixture(state[0]))
        assert state is not None
        return torch.stack(found), state[1]


class KnowledgeTracer(nn.Module):
    """Piech et al. 2015, "Deep knowledge tracing": a plain network over exercises, of students with other lengths."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.RNN(100, 200, batch_first=True)
        self.output = nn.Linear(200, 50)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Answers (B, T, 100) to probabilities of right ones (B, T, 50)."""
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return torch.sigmoid(self.output(pad_packed_sequence(self.layer(packed)[0], batch_first=True)[0]))


class VoiceOfText(nn.Module):
    """Wang et al. 2017, "Tacotron": the end of its CBHG module, highway layers and a GRU in both directions."""

    def __init__(self) -> None:
        super().__init__()
        self.change = nn.ModuleList(nn.Linear(128, 128) for _ in range(4))
        self.gate = nn.ModuleList(nn.Linear(128, 128) for _ in range(4))
        self.layer = nn.GRU(128, 128, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, 128) to (B, T, 256)."""
        for change, gate in zip(self.change, self.gate, strict=True):
            share = torch.sigmoid(gate(x))
            x = share * torch.relu(change(x)) + (1 - share) * x
        return self.layer(x)[0]


def tokens(*shape: int, below: int) -> Tensor:
    """Draw tokens."""
    return torch.randint(below, shape)


MODELS: dict[str, tuple[Callable[[], nn.Module], Callable[[int], tuple[Tensor, ...]]]] = {
    "noise suppressor": (NoiseSuppressor, lambda batch: (torch.randn(batch, 500, 42),)),
    "text in images": (TextInImages, lambda batch: (torch.randn(batch, 1, 32, 100),)),
    "forecaster": (AutoregressiveForecaster, lambda batch: (torch.randn(batch, 168, 1), torch.randn(batch, 192, 4))),
    "rainfall and runoff": (RainfallRunoff, lambda batch: (torch.randn(batch, 365, 5),)),
    "word language model": (WordLanguageModel, lambda batch: (tokens(20, batch, below=1000),)),
    "speaker encoder": (SpeakerEncoder, lambda batch: (torch.randn(batch, 160, 40),)),
    "piano transcriber": (PianoTranscriber, lambda batch: (torch.randn(batch, 320, 229),)),
    "translator": (Translator, lambda batch: (tokens(batch, 30, below=120), tokens(batch, 25, below=120))),
    "world model": (WorldModel, lambda batch: (torch.randn(100, batch, 32), torch.randn(100, batch, 3))),
    "knowledge tracer": (
        KnowledgeTracer,
        lambda batch: (
            torch.randn(batch, 90, 100),
            torch.linspace(40, 90, batch).long() if batch > 1 else torch.tensor([90]),
        ),
    ),
    "voice of text": (VoiceOfText, lambda batch: (torch.randn(batch, 80, 128),)),
}
"""Each model, and inputs for a batch size."""
GRU_MODELS = ("noise suppressor", "voice of text")
"""Those whose time is that of GRU layers."""
