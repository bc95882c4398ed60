// Reads lines of inputs in hexadecimal, one a clock cycle, and prints both outputs after each rising edge.
#include <cinttypes>
#include <cstdio>

#include "Vdsp48e2_bench.h"

int main() {
    Vdsp48e2_bench top;
    uint64_t v[13];
    for (;;) {
        for (uint64_t& value : v)
            if (scanf("%" SCNx64, &value) != 1) return 0;
        top.RSTP = v[0], top.RSTB = v[1], top.RSTD = v[2], top.RSTM = v[3], top.CE = v[4], top.A = v[5], top.B = v[6];
        top.C = v[7], top.D = v[8], top.CARRYIN = v[9], top.ALUMODE = v[10], top.INMODE = v[11], top.OPMODE = v[12];
        top.CLK = 0, top.eval();
        top.CLK = 1, top.eval();
        printf("%" PRIx64 " %" PRIx64 "\n", (uint64_t)top.plain, (uint64_t)top.finn);
    }
}
