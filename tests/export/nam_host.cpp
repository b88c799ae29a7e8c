// Plays samples through a .nam file with NeuralAmpModelerCore: host FILE [fast] < inputs > outputs, both single precision.
// With "fast" tanh is approximated, as in the plug-in Neural Amp Modeler. Nothing is reset: the states are the file's.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <vector>

#include "NAM/activations.h"
#include "NAM/dsp.h"
#include "NAM/get_dsp.h"

int main(int argc, char** argv)
{
    if(argc > 2)
        nam::activations::Activation::enable_fast_tanh();
    auto model = nam::get_dsp(std::filesystem::path(argv[1]));
    std::vector<NAM_SAMPLE> x;
    for(float value; std::fread(&value, sizeof value, 1, stdin) == 1;)
        x.push_back(value);
    for(size_t begin = 0; begin < x.size(); begin += 64)
    {
        NAM_SAMPLE y[64], *in = &x[begin], *out = y;
        const int count = (int)std::min<size_t>(64, x.size() - begin);
        model->process(&in, &out, count);
        for(int n = 0; n < count; n++)
        {
            const float value = (float)y[n];
            std::fwrite(&value, sizeof value, 1, stdout);
        }
    }
}
