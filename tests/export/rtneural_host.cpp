// Plays samples through a file of RTNeural: host FILE < inputs > outputs, both single precision. With KIND and HIDDEN the
// model's type is known when this is compiled, as in AIDA-X.
#include <cstdio>
#include <fstream>
#include <vector>

#include <RTNeural/RTNeural.h>

int main(int argc, char** argv)
{
    std::ifstream file(argv[1], std::ifstream::binary);
#ifdef KIND
    nlohmann::json parsed;
    file >> parsed;
    RTNeural::ModelT<float, 1, 1, RTNeural::KIND<float, 1, HIDDEN>, RTNeural::DenseT<float, HIDDEN, 1>> model;
    model.parseJson(parsed);
    const int inputs = 1;
#else
    auto owned = RTNeural::json_parser::parseJson<float>(file);
    auto& model = *owned;
    const int inputs = model.getInSize();
#endif
    model.reset();
    alignas(32) float x[64] = {};
    while(std::fread(x, sizeof(float), inputs, stdin) == (size_t)inputs)
    {
        model.forward(x);
#ifdef KIND
        std::fwrite(model.getOutputs(), sizeof(float), 1, stdout);
#else
        std::fwrite(model.getOutputs(), sizeof(float), model.getOutSize(), stdout);
#endif
    }
    return argc - 2;
}
