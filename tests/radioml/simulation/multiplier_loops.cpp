// Feeds the library's multipliers and those with loops the same random words and compares their outputs every cycle.
// Prints, per instance, the cycles that differed and the valid results that were compared.
#include <cstdio>
#include <cstdlib>

#include "Vpairs.h"
#include "verilated.h"

int main(int, char** arguments) {
    Vpairs top;
    long different[PAIRS] = {}, results[PAIRS] = {};
    srand(1);
    for (long cycle = 0; cycle < atol(arguments[1]); cycle++) {
        top.rst = cycle < 4 || rand() % 2000 == 0;
        top.en = 1;
        top.last = rand() % (cycle / 1000 % 2 ? 8 : 2) == 0;
        top.zero = rand() % 4 == 0;
        for (auto& word : top.w.m_storage) word = rand() ^ rand() << 16;
        for (auto& word : top.a.m_storage) word = rand() ^ rand() << 16;
        top.clk = 0;
        top.eval();
        top.clk = 1;
        top.eval();
        for (int i = 0; i < PAIRS; i++) {
            different[i] += top.different[i];
            results[i] += top.valid[i];
        }
    }
    for (int i = 0; i < PAIRS; i++) printf("%ld %ld ", different[i], results[i]);
    return 0;
}
