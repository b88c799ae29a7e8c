#!/usr/bin/env bash
# scipy 1.17.1, numpy 2.4.0 (Python 3.11).
#
# A WAV file says in its header how many bytes of samples follow. Of a recording whose end was lost (a copy that was cut
# off), neither reader refuses the rest: scipy.io.wavfile.read returns the samples that are there with a warning, and the
# wave module of Python returns them without a word, while getnframes() goes on saying 1000.
#
# The good guess that is wrong: a reader that meets fewer samples than the header announces fails, so input and target
# recordings that were read are whole. A training pair is then shorter than it was recorded, or its two files differ.
#
# Seen:
#   scipy: int16, 750 of 1000 samples; warnings: 1 (Reached EOF prematurely; finished at 1544 bytes, expected 2044 bytes from header.)
#   wave: 750 of 1000 frames
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check scipy==1.17.1 numpy==2.4.0
cat > show.py <<'PYTHON'
import warnings
import wave

import numpy as np
from scipy.io import wavfile

wavfile.write("whole.wav", 8000, np.arange(1000, dtype=np.int16))
content = open("whole.wav", "rb").read()
open("cut.wav", "wb").write(content[:-500])
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    rate, samples = wavfile.read("cut.wav")
print(f"scipy: {samples.dtype}, {len(samples)} of 1000 samples; warnings: {len(caught)} ({caught[0].message})")
with wave.open("cut.wav") as file:
    said, frames = file.getnframes(), file.readframes(file.getnframes())
print(f"wave: {len(frames) // 2} of {said} frames")
PYTHON
env/bin/python show.py | tee seen
grep -q "scipy: int16, 750 of 1000 samples; warnings: 1" seen
grep -q "wave: 750 of 1000 frames" seen
