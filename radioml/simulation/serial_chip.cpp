// Runs a Verilated chip on a serial line: the bytes of the standard input arrive at ftdi_txd, those that the chip
// sends at ftdi_rxd go to the standard output. Arguments: clock cycles a bit, and cycles without a byte after which
// the chip waits for the next one. Ends when the input has ended and nothing moves any more.
#include <poll.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <deque>

#include "Vchip.h"
#include "verilated.h"

int main(int, char** arguments) {
    const int bit_cycles = std::atoi(arguments[1]);
    const int64_t patience = std::atoll(arguments[2]);
    VerilatedContext context;
    Vchip top{&context};
    std::deque<uint8_t> waiting;
    bool open = true;
    int64_t silent = patience;  // cycles without a byte
    unsigned sending = 1, received = 0;
    int bits_out = 0, count_out = 0, bits_in = 0, count_in = 0;

    auto fetch = [&](int milliseconds) {
        pollfd input{STDIN_FILENO, POLLIN, 0};
        if (!open || poll(&input, 1, milliseconds) <= 0) return;
        uint8_t bytes[4096];
        const ssize_t count = read(STDIN_FILENO, bytes, sizeof bytes);
        if (count <= 0) open = false;
        else waiting.insert(waiting.end(), bytes, bytes + count);
    };

    for (;;) {
        if (bits_out == 0 && waiting.empty()) {
            if (silent >= patience) {
                if (!open) return 0;
                fetch(-1);
                silent = 0;
            } else if (silent % 1024 == 0) fetch(bits_in ? 0 : 1);
        }
        if (bits_out == 0 && !waiting.empty()) {
            sending = 0x200u | waiting.front() << 1;
            waiting.pop_front();
            bits_out = 10, count_out = 0;
        }
        silent = bits_out || bits_in ? 0 : silent + 1;
        top.ftdi_txd = bits_out ? sending & 1 : 1;
        if (bits_out && ++count_out == bit_cycles) sending >>= 1, count_out = 0, bits_out--;
        top.clk_25mhz = 0;
        top.eval();
        top.clk_25mhz = 1;
        top.eval();
        if (bits_in == 0) {
            if (!top.ftdi_rxd) bits_in = 9, count_in = bit_cycles + bit_cycles / 2;
        } else if (--count_in == 0) {
            count_in = bit_cycles;
            if (--bits_in) received = (top.ftdi_rxd ? 0x80 : 0) | received >> 1;
            else {
                const uint8_t byte = received;
                if (top.ftdi_rxd && write(STDOUT_FILENO, &byte, 1) != 1) return 1;
            }
        }
    }
}
