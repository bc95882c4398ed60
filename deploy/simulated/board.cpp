// A processor around the Verilated module `board` and its memory (axi_memory.h): a plain C interface for ctypes.
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "axi_memory.h"
#include "verilated.h"

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace {
thread_local std::string data_folder;  // of the design that this thread is opening

constexpr int PATIENCE = 1000;  // cycles that the control port may take to answer

struct Board {
    VerilatedContext context;
    std::unique_ptr<Vboard> top;
    Memory memory;
    int64_t cycle = 0;

    void step() {
        memory.drive();
        memory.take();
        clock();
    }

    // Only rising edges trigger the design. The next evaluation, after the inputs change, includes the falling edge.
    void clock() {
        top->clk = 1;
        top->eval();
        top->clk = 0;
        cycle++;
    }

    // Step until `signal` is seen before a clock edge, and once over this edge.
    template <typename Signal>
    bool until(const Signal& signal) {
        for (int i = 0; i < PATIENCE; i++) {
            top->eval();
            const bool seen = signal;
            step();
            if (seen) return true;
        }
        complain("the control port does not answer");
        return false;
    }
};
}  // namespace

// Verilator's own handlers print and go on, or abort the process. These handlers give the host an error.
void vl_warn(const char*, int, const char*, const char* message) { problem = message; }
void vl_fatal(const char* file, int line, const char*, const char* message) {
    problem = std::string(file) + ":" + std::to_string(line) + ": " + message;
}
void vl_stop(const char* file, int line, const char* hierarchy) { vl_fatal(file, line, hierarchy, "$stop"); }

// The design's initial blocks open the .dat files by their bare names, see harness.cpp.
extern "C" FILE* __real_fopen(const char* name, const char* mode);
extern "C" FILE* __wrap_fopen(const char* name, const char* mode) {
    if (std::strncmp(name, "./", 2) == 0) name += 2;
    if (*mode != 'r' || std::strpbrk(mode, "+") || std::strchr(name, '/')) {
        errno = EACCES;
        return nullptr;
    }
    return __real_fopen((data_folder + name).c_str(), mode);
}

EXPORT const char* board_problem() { return problem.c_str(); }

// A board after its configuration: reset, and its memory empty.
EXPORT Board* board_open(const char* folder) {
    problem.clear();
    data_folder = std::string(folder) + "/";
    auto board = std::make_unique<Board>();
    board->top = std::make_unique<Vboard>(&board->context);
    board->memory.top = board->top.get();
    board->top->clk = 0;
    board->top->rst_n = 0;
    for (int i = 0; i < 32; i++) board->step();
    board->top->rst_n = 1;
    for (int i = 0; i < 4; i++) board->step();
    return problem.empty() ? board.release() : nullptr;
}

EXPORT void board_close(Board* board) {
    board->top->final();
    delete board;
}

// Map `size` bytes of the host's memory to an address of the bus.
EXPORT void board_map(Board* board, uint64_t address, uint8_t* data, uint64_t size) {
    board->memory.blocks[address] = {data, size};
}

EXPORT void board_unmap_all(Board* board) { board->memory.blocks.clear(); }

// Let each channel of the memory pause in `pauses` of 4 cycles.
EXPORT void board_pause(Board* board, int32_t pauses, uint32_t seed) {
    board->memory.pauses = pauses;
    board->memory.order = seed % 3;
    board->memory.random.seed(seed);
}

// Let each access to the bytes from `first` to `last` answer with `response`.
EXPORT void board_fail(Board* board, uint64_t first, uint64_t last, int32_t response) {
    board->memory.bad_first = first;
    board->memory.bad_last = last;
    board->memory.bad_response = response;
}

EXPORT void board_run(Board* board, int64_t cycles) {
    for (int64_t i = 0; i < cycles && problem.empty(); i++) board->step();
}

EXPORT void board_write(Board* board, int32_t engine, uint32_t offset, uint32_t value) {
    auto& top = *board->top;
    top.engine = engine;
    top.control_awaddr = offset;
    top.control_wdata = value;
    top.control_awvalid = top.control_wvalid = 1;
    board->until(top.control_awready);
    top.control_awvalid = top.control_wvalid = 0;
    top.control_bready = 1;
    board->until(top.control_bvalid);
    top.control_bready = 0;
}

EXPORT uint32_t board_read(Board* board, int32_t engine, uint32_t offset) {
    auto& top = *board->top;
    top.engine = engine;
    top.control_araddr = offset;
    top.control_arvalid = 1;
    board->until(top.control_arready);
    top.control_arvalid = 0;
    top.control_rready = 1;
    top.eval();
    const uint32_t value = top.control_rdata;  // held until it is taken
    board->until(top.control_rvalid);
    top.control_rready = 0;
    return value;
}

// `state` gets the cycles so far, bursts read, bursts written, and beats.
EXPORT void board_state(Board* board, int64_t* state) {
    state[0] = board->cycle;
    std::copy(board->memory.moved, board->memory.moved + 3, state + 1);
}
