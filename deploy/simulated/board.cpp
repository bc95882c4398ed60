// A memory and a processor around the Verilated module `board`: a plain C interface for ctypes.
//
// The memory answers over AXI4, with pauses and errors at random, and notes what breaks the rules of AXI4 (AMBA AXI
// protocol specification, IHI 0022). The bytes of a burst are in the memory when the burst has been answered, no sooner.
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "Vboard.h"
#include "design.h"  // written beside the Verilated code: MEMORY_BYTES
#include "verilated.h"

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace {
std::string problem;                   // first complaint of the memory, or last one of the Verilated code
thread_local std::string data_folder;  // of the design that this thread is opening

constexpr int BYTES = MEMORY_BYTES, PAGE = 4096, LONGEST = 256;
constexpr int OKAY = 0, DECERR = 3;
constexpr int PATIENCE = 1000;  // cycles that the control port may take to answer

void complain(const std::string& what) {
    if (problem.empty()) problem = what;
}

struct Block {
    uint8_t* data;
    uint64_t size;
};

struct Beat {
    uint8_t data[BYTES];
    uint8_t strobe[(BYTES + 7) / 8];
    bool last;
};

struct Burst {
    uint64_t address;
    int beats;
    std::vector<Beat> data = {};  // of a write
};

// What was offered on a channel and not taken, which must stay as it is.
struct Offer {
    bool waits = false;
    std::vector<uint8_t> payload = {};
    void check(const char* channel, bool valid, bool ready, std::vector<uint8_t> now) {
        if (waits && !(valid && now == payload)) complain(std::string(channel) + ": what waited was altered or withdrawn");
        waits = valid && !ready;
        payload = std::move(now);
    }
};

template <typename... Parts>
std::vector<uint8_t> bytes_of(const Parts&... parts) {
    std::vector<uint8_t> all;
    (all.insert(all.end(), reinterpret_cast<const uint8_t*>(&parts), reinterpret_cast<const uint8_t*>(&parts + 1)), ...);
    return all;
}

struct Board {
    VerilatedContext context;
    std::unique_ptr<Vboard> top;
    std::map<uint64_t, Block> blocks;
    std::mt19937 random;
    int pauses = 0;                                 // of 4 cycles, in how many a channel pauses
    int order = 0;                                  // of a write's address and data: 0 any, 1 data first, 2 address first
    uint64_t bad_first = 1, bad_last = 0;           // addresses that answer with an error
    int bad_response = OKAY;
    std::deque<Burst> reads, writes, written;       // requested; requested; complete and not answered
    std::vector<Beat> beats;                        // data of writes[0]
    bool gives = false, answers = false;            // a beat, an answer waits to be taken
    int64_t cycle = 0;
    int64_t moved[3] = {};                          // bursts read, bursts written, beats
    Offer ar, aw, w;

    bool pause() { return pauses && static_cast<int>(random() % 4) < pauses; }

    uint8_t* find(uint64_t address, int& response) {
        auto after = blocks.upper_bound(address);
        response = address + BYTES > bad_first && address <= bad_last ? bad_response : OKAY;
        if (after != blocks.begin()) {
            auto& [start, block] = *std::prev(after);
            if (address + BYTES <= start + block.size) return block.data + (address - start);
        }
        response = DECERR;
        return nullptr;
    }

    void check(const char* channel, const Burst& burst, int size, int kind) {
        const std::string at = std::string(channel) + ": burst of " + std::to_string(burst.beats) + " beats at " +
                               std::to_string(burst.address);
        if (burst.address % PAGE + burst.beats * BYTES > PAGE) complain(at + " leaves its page of 4 KiB");
        if (burst.address % BYTES) complain(at + " is not aligned");
        if (1 << size != BYTES || kind != 1) complain(at + " is not of whole words in a row");
    }

    void offer_read() {
        if (!gives) gives = !reads.empty() && !pause();
        top->rvalid = gives;
        if (!gives) return;
        int response;
        const uint8_t* data = find(reads[0].address, response);
        std::memset(&top->rdata, 0xEE, BYTES);
        if (data && response == OKAY) std::memcpy(&top->rdata, data, BYTES);
        top->rresp = response;
        top->rlast = reads[0].beats == 1;
    }

    void offer_answer() {
        if (!answers) answers = !written.empty() && !pause();
        top->bvalid = answers;
        if (!answers) return;
        int worst = OKAY, response;
        for (int beat = 0; beat < written[0].beats; beat++) {
            find(written[0].address + beat * BYTES, response);
            worst = std::max(worst, response);
        }
        top->bresp = worst;
    }

    void store(const Burst& burst) {
        int response;
        for (int beat = 0; beat < burst.beats; beat++) {
            uint8_t* data = find(burst.address + beat * BYTES, response);
            for (int i = 0; i < BYTES && response == OKAY; i++)
                if (burst.data[beat].strobe[i / 8] >> (i % 8) & 1) data[i] = burst.data[beat].data[i];
        }
    }

    void take_write() {
        if (top->awvalid && top->awready) {
            writes.push_back({top->awaddr, top->awlen + 1});
            check("AW", writes.back(), top->awsize, top->awburst);
        }
        if (top->wvalid && top->wready) {
            Beat beat;
            std::memcpy(beat.data, &top->wdata, BYTES);
            std::memcpy(beat.strobe, &top->wstrb, sizeof beat.strobe);
            beat.last = top->wlast;
            beats.push_back(beat);
            moved[2]++;
        }
        while (!writes.empty() && static_cast<int>(beats.size()) >= writes[0].beats) {
            Burst burst = writes[0];
            burst.data.assign(beats.begin(), beats.begin() + burst.beats);
            for (int i = 0; i < burst.beats; i++)
                if (burst.data[i].last != (i == burst.beats - 1)) complain("W: WLAST is not on the burst's last beat");
            beats.erase(beats.begin(), beats.begin() + burst.beats);
            writes.pop_front();
            written.push_back(burst);
            moved[1]++;
        }
        if (beats.size() > LONGEST) complain("W: more beats than a burst can have");
    }

    void step() {
        offer_read();
        offer_answer();
        top->arready = !pause();
        top->awready = top->wready = 0;
        top->eval();
        top->awready = !pause() && !(order == 1 && !top->wvalid && beats.empty());
        top->wready = !pause() && !(order == 2 && writes.empty());
        top->eval();
        ar.check("AR", top->arvalid, top->arready, bytes_of(top->araddr, top->arlen));
        aw.check("AW", top->awvalid, top->awready, bytes_of(top->awaddr, top->awlen));
        w.check("W", top->wvalid, top->wready, bytes_of(top->wdata, top->wstrb, top->wlast));
        if (gives && top->rready) {
            gives = false;
            moved[2]++;
            reads[0].address += BYTES;
            if (--reads[0].beats == 0) reads.pop_front();
        }
        if (answers && top->bready) {
            answers = false;
            store(written[0]);
            written.pop_front();
        }
        if (top->arvalid && top->arready) {
            reads.push_back({top->araddr, top->arlen + 1});
            check("AR", reads.back(), top->arsize, top->arburst);
            moved[0]++;
        }
        take_write();
        clock();
    }

    // Rising edges alone trigger the design. Falling edges are left to the next evaluation, after the inputs change.
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

// Put `size` bytes of the host's memory on the bus.
EXPORT void board_map(Board* board, uint64_t address, uint8_t* data, uint64_t size) {
    board->blocks[address] = {data, size};
}

EXPORT void board_unmap_all(Board* board) { board->blocks.clear(); }

// Let the memory pause in `pauses` of 4 cycles, a channel at a time.
EXPORT void board_pause(Board* board, int32_t pauses, uint32_t seed) {
    board->pauses = pauses;
    board->order = seed % 3;
    board->random.seed(seed);
}

// Let each access to the bytes from `first` to `last` answer with `response`.
EXPORT void board_fail(Board* board, uint64_t first, uint64_t last, int32_t response) {
    board->bad_first = first;
    board->bad_last = last;
    board->bad_response = response;
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
    std::copy(board->moved, board->moved + 3, state + 1);
}
