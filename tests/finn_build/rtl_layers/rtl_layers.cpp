// Streams words through several layers at once, with pauses at random on all streams, and keeps what comes out.
//
// Arguments: cycles of 4 in which a word is offered; cycles of 4 in which a word is taken from an output; input file and
// output file, 64 bits a word. The input file has the words of each input stream in turn, preceded by their count.
// The output file has those of each output stream, preceded by their count, the cycle of the last, and how often a word
// that waited to be taken was altered or withdrawn. The run ends when nothing has moved for IDLE cycles.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "Vlayers.h"
#include "verilated.h"

constexpr int IDLE = 400;

int main(int, char** arguments) {
    const int offer = atoi(arguments[1]), take = atoi(arguments[2]);
    std::vector<uint64_t> in[INPUTS], out[OUTPUTS];
    FILE* file = fopen(arguments[3], "rb");
    for (auto& words : in) {
        uint64_t count;
        if (fread(&count, 8, 1, file) != 1) return 1;
        words.resize(count);
        if (fread(words.data(), 8, count, file) != count) return 1;
    }
    fclose(file);
    Vlayers top;
    size_t taken[INPUTS] = {};
    bool offered[INPUTS] = {}, waits[OUTPUTS] = {};
    uint64_t waiting[OUTPUTS] = {}, altered[OUTPUTS] = {};
    int last[OUTPUTS] = {}, moved = 0;
    srand(1);
    for (int cycle = -4; cycle < moved + IDLE; cycle++) {
        top.ap_rst_n = cycle >= 0;
        for (int i = 0; i < INPUTS; i++) {
            offered[i] |= cycle >= 0 && rand() % 4 < offer;
            top.s_valid[i] = offered[i] && taken[i] < in[i].size();
            top.s_data[i] = top.s_valid[i] ? in[i][taken[i]] : rand();
        }
        for (int i = 0; i < OUTPUTS; i++) top.m_ready[i] = rand() % 4 < take;
        top.ap_clk = 0;
        top.eval();
        for (int i = 0; i < INPUTS && cycle >= 0; i++)
            if (top.s_valid[i] && top.s_ready[i]) taken[i]++, offered[i] = false, moved = cycle;
        for (int i = 0; i < OUTPUTS && cycle >= 0; i++) {
            altered[i] += waits[i] && !(top.m_valid[i] && top.m_data[i] == waiting[i]);
            waits[i] = top.m_valid[i] && !top.m_ready[i];
            waiting[i] = top.m_data[i];
            if (top.m_valid[i] && top.m_ready[i]) out[i].push_back(top.m_data[i]), last[i] = moved = cycle;
        }
        top.ap_clk = 1;
        top.eval();
    }
    file = fopen(arguments[4], "wb");
    for (int i = 0; i < OUTPUTS; i++) {
        const uint64_t head[] = {out[i].size(), uint64_t(last[i]), altered[i]};
        fwrite(head, 8, 3, file);
        fwrite(out[i].data(), 8, out[i].size(), file);
    }
    fclose(file);
    return 0;
}
