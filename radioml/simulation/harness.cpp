// Drives a Verilated accelerator over its two AXI streams; a plain C interface for ctypes.
//
// One job at a time: sim_start() resets the design and names the buffers, sim_advance() runs some cycles of it.
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <string>

#include "Vaccelerator.h"
#include "design.h"  // written beside the Verilated code: INTERFACE, sizes, DESCRIPTION, PROBES, and FIFO_COUNT in a gauge
#include "verilated.h"

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace {
std::string problem;                   // last complaint of the Verilated code
thread_local std::string data_folder;  // of the simulator that this thread is opening

struct Job {
    const uint8_t* input = nullptr;
    uint8_t* output = nullptr;
    int64_t *first_in = nullptr, *last_in = nullptr, *last_out = nullptr;  // cycle, per frame
    int64_t frames = 0, words_in = 0, words_out = 0;                       // words: per frame
    int64_t initiation_interval = 0;                                       // cycles a frame at the input; 0: no limit
    const int64_t* pauses = nullptr;                                       // cycles without a word after each frame
    int64_t resumes = 0;                                                   // cycle in which the present pause has ended
    bool stalls = false;
    int64_t taken = 0, given = 0;  // words so far
    int64_t cycle = 0, last_transfer = 0;
    bool offered = false;  // AXI: a word once offered stays until it is taken
    int64_t passed[STREAM_COUNT] = {};  // words so far, per stream
    bool records = false;
    uint8_t* recorded[STREAM_COUNT] = {};  // where the words of a stream go, if anywhere
    int64_t room[STREAM_COUNT] = {};       // words

    // A layer that skips its last pixels gives its result before the layers in front of it have given these pixels,
    // so the recording may end after the last result.
    bool finished() const {
        if (given < frames * words_out) return false;
        return !records || std::equal(room, room + STREAM_COUNT, passed, std::less_equal<int64_t>());
    }
};

bool bit(const void* words, int index) { return static_cast<const uint8_t*>(words)[index / 8] >> (index % 8) & 1; }

struct Simulator {
    VerilatedContext context;
    std::unique_ptr<Vaccelerator> top;
    Job job;
    std::mt19937 random;

    // Rising edges alone trigger the design. Falling edges are left to the next evaluation, after the inputs change.
    void clock() {
        top->ap_clk = 1;
        top->eval();
        top->ap_clk = 0;
    }

    void idle(int cycles) {
        for (int i = 0; i < cycles; i++) {
            top->eval();
            clock();
        }
    }

    void count_transfers() {
        for (int word = 0; word * 64 < STREAM_COUNT; word++) {
            uint64_t valid = 0, ready = 0;
            const int bytes = std::min<int>(8, sizeof top->stream_valid - 8 * word);
            std::memcpy(&valid, reinterpret_cast<const char*>(&top->stream_valid) + 8 * word, bytes);
            std::memcpy(&ready, reinterpret_cast<const char*>(&top->stream_ready) + 8 * word, bytes);
            for (uint64_t moving = valid & ready; moving; moving &= moving - 1)
                job.passed[64 * word + __builtin_ctzll(moving)]++;
        }
    }

    // To be called before count_transfers, while `passed` is the number of the word that moves.
    void record(int stream, const void* word, int64_t bytes) {
        const int64_t number = job.passed[stream];
        if (number < job.room[stream] && bit(&top->stream_valid, stream) && bit(&top->stream_ready, stream))
            std::memcpy(job.recorded[stream] + number * bytes, word, bytes);
    }

    void record_probes() {
#define PROBE(stream, bytes) record(stream, &top->probe##stream, bytes);
        PROBES(PROBE)
#undef PROBE
    }
};

constexpr int RESET_CYCLES = 32, SETTLE_CYCLES = 4;
}  // namespace

// Verilator's own handlers print and go on, or abort the process. These handlers give the host an error.
void vl_warn(const char*, int, const char*, const char* message) { problem = message; }
void vl_fatal(const char* file, int line, const char*, const char* message) {
    problem = std::string(file) + ":" + std::to_string(line) + ": " + message;
}
void vl_stop(const char* file, int line, const char* hierarchy) { vl_fatal(file, line, hierarchy, "$stop"); }

// The number that counts the changes of these functions, see rtl_simulator.py.
EXPORT int32_t sim_interface() { return INTERFACE; }

EXPORT const char* sim_problem() { return problem.c_str(); }

EXPORT void sim_close(Simulator* simulator) {
    if (simulator->top) simulator->top->final();
    delete simulator;
}

// The design's initial blocks open the .dat files by their bare names. The linker (--wrap=fopen) sends these calls here,
// so that the working directory, which all threads of a process share, stays as it is. A design may read files of its
// data folder and no others.
extern "C" FILE* __real_fopen(const char* name, const char* mode);
extern "C" FILE* __wrap_fopen(const char* name, const char* mode) {
    if (std::strncmp(name, "./", 2) == 0) name += 2;
    if (*mode != 'r' || std::strpbrk(mode, "+") || std::strchr(name, '/')) {
        errno = EACCES;
        return nullptr;
    }
    return __real_fopen((data_folder + name).c_str(), mode);
}

EXPORT Simulator* sim_open(const char* folder) {
    problem.clear();
    data_folder = std::string(folder) + "/";
    auto simulator = std::make_unique<Simulator>();
    simulator->top = std::make_unique<Vaccelerator>(&simulator->context);
    simulator->top->ap_clk = 0;
    simulator->top->ap_rst_n = 0;
    simulator->top->eval();
    return problem.empty() ? simulator.release() : nullptr;
}

EXPORT void sim_start(Simulator* simulator, const uint8_t* input, uint8_t* output, int64_t* first_in, int64_t* last_in,
                      int64_t* last_out, const int64_t* pauses, int64_t frames, int64_t words_in, int64_t words_out,
                      int64_t initiation_interval, uint32_t stall_seed) {
    problem.clear();
    Job& job = simulator->job = Job{};
    job.input = input;
    job.output = output;
    job.first_in = first_in;
    job.last_in = last_in;
    job.last_out = last_out;
    job.frames = frames;
    job.words_in = words_in;
    job.words_out = words_out;
    job.initiation_interval = initiation_interval;
    job.pauses = pauses;
    job.stalls = stall_seed != 0;
    simulator->random.seed(stall_seed);
    auto& top = *simulator->top;
    top.s_axis_tvalid = 0;
    top.m_axis_tready = 0;
    top.ap_rst_n = 0;
    simulator->idle(RESET_CYCLES);
    top.ap_rst_n = 1;
    job.cycle = -SETTLE_CYCLES;  // part of the job, because a padding gives its first words before it gets any
}

// After sim_start(): copy the first `words` words of the probed stream to `to`.
EXPORT void sim_record(Simulator* simulator, int64_t stream, uint8_t* to, int64_t words) {
    simulator->job.records = true;
    simulator->job.recorded[stream] = to;
    simulator->job.room[stream] = words;
}

// Run until the job is done, `cycles` have passed, nothing has moved for `timeout` cycles, or the design complains.
// `state` gets words taken, words given, cycles so far, cycles without a transfer, and whether the job is done.
EXPORT void sim_advance(Simulator* simulator, int64_t cycles, int64_t timeout, int64_t* state) {
    auto& top = *simulator->top;
    Job& job = simulator->job;
    const int64_t all_in = job.frames * job.words_in;
    const int64_t end = job.cycle + cycles;
    // Sizes of one word on the bus: whole bytes, which Verilator stores little-endian in the port's integer or array.
    constexpr int64_t bytes_in = INPUT_WORD_BYTES, bytes_out = OUTPUT_WORD_BYTES;
    for (; !job.finished() && job.cycle < end && job.cycle - job.last_transfer <= timeout; job.cycle++) {
        if (!job.offered && job.taken < all_in) {
            const int64_t frame = job.taken / job.words_in, word = job.taken % job.words_in;
            const int64_t begins = frame * job.initiation_interval + word * job.initiation_interval / job.words_in;
            const bool due = job.cycle >= std::max(begins, job.resumes);
            job.offered = due && !(job.stalls && simulator->random() % 3 == 0);
            if (job.offered) std::memcpy(&top.s_axis_tdata, job.input + job.taken * bytes_in, bytes_in);
        }
        top.s_axis_tvalid = job.offered;
        top.m_axis_tready = job.cycle >= 0 && !(job.stalls && simulator->random() % 3 == 0);
        top.eval();
        if (job.offered && top.s_axis_tready) {
            const int64_t frame = job.taken / job.words_in, word = job.taken % job.words_in;
            if (word == 0) job.first_in[frame] = job.cycle;
            if (word == job.words_in - 1) {
                job.last_in[frame] = job.cycle;
                job.resumes = job.cycle + 1 + job.pauses[frame];
            }
            job.taken++;
            job.offered = false;
            job.last_transfer = job.cycle;
        }
        if (top.m_axis_tready && top.m_axis_tvalid) {
            std::memcpy(job.output + job.given * bytes_out, &top.m_axis_tdata, bytes_out);
            if (job.given % job.words_out == job.words_out - 1) job.last_out[job.given / job.words_out] = job.cycle;
            job.given++;
            job.last_transfer = job.cycle;
        }
        if (job.records) simulator->record_probes();
        simulator->count_transfers();
        simulator->clock();
        if (!problem.empty()) break;
    }
    state[0] = job.taken;
    state[1] = job.given;
    state[2] = job.cycle;
    state[3] = job.cycle - job.last_transfer;
    state[4] = job.finished();
}

// One line a stream: the layer that gives it, the one that reads it, its words a frame, and the bytes of a word if it is
// probed, or else 0. The input has no layer that gives it, the output none that reads it.
EXPORT const char* sim_description() { return DESCRIPTION; }

// State of each stream: whether a word is offered, whether it would be taken, words
// that passed since sim_start().
EXPORT void sim_streams(Simulator* simulator, uint8_t* valid, uint8_t* ready, int64_t* passed) {
    for (int i = 0; i < STREAM_COUNT; i++) {
        valid[i] = bit(&simulator->top->stream_valid, i);
        ready[i] = bit(&simulator->top->stream_ready, i);
        passed[i] = simulator->job.passed[i];
    }
}

#ifdef FIFO_COUNT
// Largest fill of each FIFO since sim_start(), in the order of the design's list.
EXPORT void sim_fifo_fill(Simulator* simulator, uint32_t* fill) {
    std::memcpy(fill, &simulator->top->fifo_fill, FIFO_COUNT * sizeof *fill);
}
#endif
