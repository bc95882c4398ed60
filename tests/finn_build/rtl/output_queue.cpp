// Holds several multipliers' outputs back in every pattern of PATTERN_BITS cycles and checks each word that comes out.
//
// Activation 0 counts, the others are 0, all weights are 1: result k is the sum of counts k x FOLD to k x FOLD + FOLD - 1.
// Prints, per instance, the patterns in which a word was lost, repeated or altered.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "Vqueues.h"
#include "verilated.h"

void vl_stop(const char*, int, const char*) {}  // the library's own assertion: the words that come out are judged here

static const int FOLD[] = {FOLDS};
constexpr int INSTANCES = sizeof FOLD / sizeof *FOLD, WARM_UP = 24, DRAIN = 60, OFFERED = 40;

int main(int, char** arguments) {
    Vqueues top;
    const int bits = atoi(arguments[1]), offer = atoi(arguments[2]);  // offer: words come in `offer` of 4 cycles
    long wrong[INSTANCES] = {};
    srand(1);
    for (long pattern = 0; pattern < 1L << bits; pattern++) {
        int taken[INSTANCES] = {}, given[INSTANCES] = {};
        bool bad[INSTANCES] = {}, held[INSTANCES] = {};
        for (int cycle = -8; cycle < WARM_UP + bits + DRAIN; cycle++) {
            const int at = cycle - WARM_UP;
            top.ap_rst_n = cycle >= 0;
            top.ready = at < 0 || at >= bits || (pattern >> at & 1);
            const bool offered = at >= bits || rand() % 4 < offer;
            for (int i = 0; i < INSTANCES; i++) {
                held[i] |= cycle >= 0 && offered;
                top.valid[i] = held[i] && taken[i] < OFFERED;
                top.count[i] = taken[i] % 100;
            }
            top.ap_clk = 0;
            top.eval();
            for (int i = 0; i < INSTANCES && cycle >= 0; i++) {
                if (top.valid[i] && top.taken[i]) taken[i]++, held[i] = false;
                if (!top.given[i] || !top.ready) continue;
                int expected = 0;
                for (int j = 0; j < FOLD[i]; j++) expected += (given[i] * FOLD[i] + j) % 100;
                bad[i] |= top.result[i] != expected;
                given[i]++;
            }
            top.ap_clk = 1;
            top.eval();
        }
        for (int i = 0; i < INSTANCES; i++) wrong[i] += bad[i] || given[i] != OFFERED / FOLD[i];
    }
    for (long count : wrong) printf("%ld ", count);
    return 0;
}
