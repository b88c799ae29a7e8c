"""The papers that cells name, with titles and links."""

import re
from itertools import takewhile

from tools.docs.escaped import escaped

PAPERS = {
    "Ba, Kiros & Hinton 2016": ("Layer Normalization", "https://arxiv.org/abs/1607.06450"),
    "Baytas et al. 2017": (
        "Patient Subtyping via Time-Aware LSTM Networks",
        "https://doi.org/10.1145/3097983.3097997",
    ),
    "Beck et al. 2024": ("xLSTM: Extended Long Short-Term Memory", "https://arxiv.org/abs/2405.04517"),
    "Che et al. 2018": (
        "Recurrent Neural Networks for Multivariate Time Series with Missing Values",
        "https://doi.org/10.1038/s41598-018-24271-9",
    ),
    "Cho et al. 2014": (
        "Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine Translation",
        "https://doi.org/10.3115/v1/D14-1179",
    ),
    "Chung et al. 2014": (
        "Empirical Evaluation of Gated Recurrent Neural Networks on Sequence Modeling",
        "https://arxiv.org/abs/1412.3555",
    ),
    "Collins, Sohl-Dickstein & Sussillo 2017": (
        "Capacity and Trainability in Recurrent Neural Networks",
        "https://arxiv.org/abs/1611.09913",
    ),
    "Elman 1990": ("Finding Structure in Time", "https://doi.org/10.1207/s15516709cog1402_1"),
    "Feng et al. 2024": ("Were RNNs All We Needed?", "https://arxiv.org/abs/2410.01201"),
    "Gers & Schmidhuber 2000": (
        "Recurrent Nets that Time and Count",
        "https://doi.org/10.1109/IJCNN.2000.861302",
    ),
    "Gers, Schmidhuber & Cummins 2000": (
        "Learning to Forget: Continual Prediction with LSTM",
        "https://doi.org/10.1162/089976600300015015",
    ),
    "Greff et al. 2017": ("LSTM: A Search Space Odyssey", "https://doi.org/10.1109/TNNLS.2016.2582924"),
    "Hasani et al. 2022": (
        "Closed-form Continuous-time Neural Networks",
        "https://doi.org/10.1038/s42256-022-00556-7",
    ),
    "Hochreiter & Schmidhuber 1997": ("Long Short-Term Memory", "https://doi.org/10.1162/neco.1997.9.8.1735"),
    "Le, Jaitly & Hinton 2015": (
        "A Simple Way to Initialize Recurrent Networks of Rectified Linear Units",
        "https://arxiv.org/abs/1504.00941",
    ),
    "Lei et al. 2018": (
        "Simple Recurrent Units for Highly Parallelizable Recurrence",
        "https://doi.org/10.18653/v1/D18-1477",
    ),
    "Li et al. 2018": (
        "Independently Recurrent Neural Network (IndRNN): Building A Longer and Deeper RNN",
        "https://arxiv.org/abs/1803.04831",
    ),
    "Neil, Pfeiffer & Liu 2016": (
        "Phased LSTM: Accelerating Recurrent Network Training for Long or Event-based Sequences",
        "https://arxiv.org/abs/1610.09513",
    ),
    "Ravanelli et al. 2018": (
        "Light Gated Recurrent Units for Speech Recognition",
        "https://arxiv.org/abs/1803.10225",
    ),
    "Shen et al. 2019": (
        "Ordered Neurons: Integrating Tree Structures into Recurrent Neural Networks",
        "https://arxiv.org/abs/1810.09536",
    ),
    "Zhou et al. 2016": (
        "Minimal Gated Unit for Recurrent Neural Networks",
        "https://arxiv.org/abs/1603.09420",
    ),
    "van der Westhuizen & Lasenby 2018": (
        "The Unreasonable Effectiveness of the Forget Gate",
        "https://arxiv.org/abs/1804.04849",
    ),
}
"""Title and link of each paper by how cells cite it; a DOI where the paper is published, else arXiv."""

CITED = re.compile("|".join(map(re.escape, PAPERS)))


def with_links(text: str, *, titles: bool) -> str:
    """Return what a cell says of its papers in Markdown, each cited paper as a link.

    Args:
        text: what the cell says. A title in it, or its beginning, may follow a paper.
        titles: whether the title follows each link.
    """
    parts, end = [], 0
    for cited in CITED.finditer(text):
        title, link = PAPERS[cited[0]]
        said = sum(
            1 for _ in takewhile(lambda it: it[0] == it[1], zip(text[cited.end() :], f", {title}", strict=False))
        )
        parts += [escaped(text[end : cited.start()]), f"[{escaped(cited[0])}]({link})"]
        parts += [f", *{escaped(title)}*"] if titles else []
        end = cited.end() + said * (said > 2)  # not a comma before something else
    return "".join([*parts, escaped(text[end:])])
