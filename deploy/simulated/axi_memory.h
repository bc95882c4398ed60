// A memory behind the AXI4 ports of the Verilated module `board`, which pauses and fails on request.
//
// The memory notes violations of AXI4 (AMBA AXI protocol specification, IHI 0022). The bytes of a burst are stored when the
// burst is answered.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <deque>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "Vboard.h"
#include "design.h"  // written beside the Verilated code: MEMORY_BYTES

namespace {
std::string problem;  // first complaint of the memory, or last one of the Verilated code

constexpr int BYTES = MEMORY_BYTES, PAGE = 4096, LONGEST = 256;
constexpr int OKAY = 0, DECERR = 3;

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

// A transfer that was offered on a channel and not accepted: it must stay unchanged.
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

struct Memory {
    Vboard* top = nullptr;
    std::map<uint64_t, Block> blocks;
    std::mt19937 random;
    int pauses = 0;                            // cycles of 4 in which a channel pauses
    int order = 0;                             // of a write's address and data: 0 any, 1 data first, 2 address first
    uint64_t bad_first = 1, bad_last = 0;      // addresses that answer with an error
    int bad_response = OKAY;
    std::deque<Burst> reads, writes, written;  // requested; requested; complete and not answered
    std::vector<Beat> beats;                   // data of writes[0]
    bool gives = false, answers = false;       // a beat, an answer waits to be taken
    int64_t moved[3] = {};                     // bursts read, bursts written, beats
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

    // `drive` sets the memory's signals of a cycle; `take` then moves the data of the cycle.
    void drive() {
        offer_read();
        offer_answer();
        top->arready = !pause();
        top->awready = top->wready = 0;
        top->eval();
        top->awready = !pause() && !(order == 1 && !top->wvalid && beats.empty());
        top->wready = !pause() && !(order == 2 && writes.empty());
        top->eval();
    }

    void take() {
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
    }
};
}  // namespace
