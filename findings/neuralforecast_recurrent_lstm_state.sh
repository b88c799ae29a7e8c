#!/usr/bin/env bash
# neuralforecast 3.3.0, torch 2.13.0 (Python 3.11).
#
# neuralforecast.models.LSTM(encoder_hidden_size=40, recurrent=True) is an LSTM that is fed 1 or 2 numbers back, not 40: it
# makes nn.LSTM(..., proj_size=n), n being the number of outputs of the loss (1 for MAE, 2 for a normal distribution), so that
# the hidden state itself is the forecast. Of two layers 20,000 parameters become 1,360.
#
# The good guess that is wrong: recurrent=True only changes how the forecast is made (step by step instead of all steps at
# once), and the encoder is as large as encoder_hidden_size says, as with recurrent=False. A comparison "at equal
# architecture" with another library's LSTM then compares a state of 40 numbers with one of 1.
#
# Seen:
#   MAE                 recurrent=False  proj_size 0  weight_hh (160, 40)  20000 parameters
#   MAE                 recurrent=True   proj_size 1  weight_hh (160, 1)  1360 parameters
#   DistributionLoss    recurrent=False  proj_size 0  weight_hh (160, 40)  20000 parameters
#   DistributionLoss    recurrent=True   proj_size 2  weight_hh (160, 2)  1920 parameters
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check torch==2.13.0 neuralforecast==3.3.0
cat > show.py <<'PYTHON'
from neuralforecast.losses.pytorch import MAE, DistributionLoss
from neuralforecast.models import LSTM

for loss in (MAE(), DistributionLoss("Normal")):
    for recurrent in (False, True):
        model = LSTM(h=12, input_size=24, encoder_n_layers=2, encoder_hidden_size=40, recurrent=recurrent, loss=loss)
        lstm = model.hist_encoder
        count = sum(it.numel() for it in lstm.parameters())
        shape = tuple(lstm.weight_hh_l0.shape)
        print(f"{type(loss).__name__:18}  recurrent={recurrent!s:5}  proj_size {lstm.proj_size}  weight_hh {shape}  {count} parameters")
PYTHON
env/bin/python show.py 2>/dev/null | grep recurrent= | tee seen
[ "$(grep -c 'recurrent=True.*weight_hh (160, [12])' seen)" = 2 ]
[ "$(grep -c 'recurrent=False.*weight_hh (160, 40)' seen)" = 2 ]
