// Streams words through several layers at once, with pauses at random on both sides, and keeps what comes out.
//
// Arguments: words, of the input file, a layer (all of them are taken); of 4 cycles in how many a word is offered; of 4
// cycles in how many one is taken from the output; input file and output file, 64 bits a word. The output file has the
// words of each layer in turn, preceded by their count, the cycle of the last, and how often a word that waited to be
// taken was altered or withdrawn.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "Vlayers.h"
#include "verilated.h"

int main(int, char** arguments) {
    const int words = atoi(arguments[1]), offer = atoi(arguments[2]), take = atoi(arguments[3]);
    std::vector<uint64_t> in(LAYERS * words);
    FILE* file = fopen(arguments[4], "rb");
    if (fread(in.data(), 8, in.size(), file) != in.size()) return 1;
    fclose(file);
    Vlayers top;
    std::vector<uint64_t> out[LAYERS];
    int taken[LAYERS] = {}, last[LAYERS] = {};
    bool offered[LAYERS] = {}, waits[LAYERS] = {};
    uint64_t waiting[LAYERS] = {}, altered[LAYERS] = {};
    srand(1);
    for (int cycle = -4; cycle < 40 * words; cycle++) {
        top.ap_rst_n = cycle >= 0;
        for (int i = 0; i < LAYERS; i++) {
            offered[i] |= cycle >= 0 && rand() % 4 < offer;
            top.s_valid[i] = offered[i] && taken[i] < words;
            top.s_data[i] = top.s_valid[i] ? in[i * words + taken[i]] : rand();
            top.m_ready[i] = rand() % 4 < take;
        }
        top.ap_clk = 0;
        top.eval();
        for (int i = 0; i < LAYERS && cycle >= 0; i++) {
            if (top.s_valid[i] && top.s_ready[i]) taken[i]++, offered[i] = false;
            altered[i] += waits[i] && !(top.m_valid[i] && top.m_data[i] == waiting[i]);
            waits[i] = top.m_valid[i] && !top.m_ready[i];
            waiting[i] = top.m_data[i];
            if (top.m_valid[i] && top.m_ready[i]) out[i].push_back(top.m_data[i]), last[i] = cycle;
        }
        top.ap_clk = 1;
        top.eval();
    }
    file = fopen(arguments[5], "wb");
    for (int i = 0; i < LAYERS; i++) {
        const uint64_t head[] = {out[i].size(), uint64_t(last[i]), altered[i]};
        fwrite(head, 8, 3, file);
        fwrite(out[i].data(), 8, out[i].size(), file);
    }
    fclose(file);
    return 0;
}
