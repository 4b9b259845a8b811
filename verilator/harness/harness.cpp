// Drives a generated `bench` module and writes what its probes show.
//
// One source serves every design: widths and stream positions are arguments,
// so nothing here is generated. The cycle semantics, the stimulus files and the
// trace format are described in ../TRACE.md, which the Go reader follows too.
//
//   Vbench --beats FILE --stim FILE --beat-bytes N --frame N
//          --streams OFFSET:BITS,... [--seed N] [--vcd] [--no-trace]
//
// The trace goes to file descriptor 3, waves (--vcd) to 4. Exit status: 0 done, 1 bad arguments or
// files, 3 the design called $stop or $finish before the last cycle.

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "Vbench.h"
#include "verilated.h"
#if VM_TRACE
#include "verilated_vcd_c.h"
#endif

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the harness reads ports as little-endian bytes"
#endif

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kTraceFd = 3, kWavesFd = 4;
constexpr int kResetEdges = 4;
constexpr size_t kFlushBytes = 1 << 18;
constexpr uint8_t kGapBit = 1, kStallBit = 2;
constexpr char kHeadMagic[] = "A2QTRC1\n";
constexpr char kEndMagic[] = "A2QTEND\n";

[[noreturn]] void die(const std::string& text) {
    std::fprintf(stderr, "harness: %s\n", text.c_str());
    std::exit(1);
}

// Every Verilator port type (CData, SData, IData, QData, VlWide) is, on a
// little-endian host, its bits as little-endian bytes: sizeof says how many.
template <typename Port>
void setPort(Port& port, const uint8_t* bytes, size_t count) {
    if (count > sizeof(Port)) die("s_axis_tdata is narrower than a beat");
    std::memset(&port, 0, sizeof(Port));
    if (count) std::memcpy(&port, bytes, count);
}

template <typename Port>
void getPort(const Port& port, std::vector<uint8_t>& bytes, size_t needed) {
    if (needed > sizeof(Port)) die("a probe port is narrower than its streams");
    if (bytes.size() < sizeof(Port) + 16) bytes.resize(sizeof(Port) + 16, 0);
    std::memcpy(bytes.data(), &port, sizeof(Port));
}

#if VM_TRACE
// Waves go to a pipe whose reader stores them and ends the run where it cannot.
class WavePipe final : public VerilatedVcdFile {
public:
    bool open(const std::string&) override { return true; }
    void close() override {}
    ssize_t write(const char* text, ssize_t size) override { return ::write(kWavesFd, text, size); }
};
#endif

struct Stream {
    uint32_t offset, bits;
};

struct Config {
    std::string beats, stim;
    size_t beatBytes = 0, frameBeats = 1;
    std::vector<Stream> streams;
    int seed = 1;
    bool trace = true, vcd = false;
};

std::vector<Stream> parseStreams(const char* text) {
    std::vector<Stream> streams;
    while (*text) {
        char* end = nullptr;
        Stream s{};
        s.offset = std::strtoul(text, &end, 10);
        if (*end != ':') die("--streams wants OFFSET:BITS,...");
        s.bits = std::strtoul(end + 1, &end, 10);
        streams.push_back(s);
        if (*end == ',') ++end;
        text = end;
    }
    return streams;
}

Config parseArguments(int argc, char** argv) {
    Config c;
    for (int i = 1; i < argc; ++i) {
        const std::string name = argv[i];
        if (name == "--no-trace") {
            c.trace = false;
            continue;
        }
        if (name == "--vcd") {
            c.vcd = true;
            continue;
        }
        if (i + 1 == argc) die("argument " + name + " wants a value");
        const char* value = argv[++i];
        if (name == "--beats") c.beats = value;
        else if (name == "--stim") c.stim = value;
        else if (name == "--beat-bytes") c.beatBytes = std::strtoull(value, nullptr, 10);
        else if (name == "--frame") c.frameBeats = std::strtoull(value, nullptr, 10);
        else if (name == "--streams") c.streams = parseStreams(value);
        else if (name == "--seed") c.seed = std::atoi(value);
        else die("unknown argument " + name);
    }
    if (c.beatBytes == 0 || c.frameBeats == 0) die("--beat-bytes and --frame are wanted");
    return c;
}

std::vector<uint8_t> readFile(const std::string& path) {
    std::FILE* f = std::fopen(path.c_str(), "rb");
    if (!f) die(path + ": " + std::strerror(errno));
    std::vector<uint8_t> all;
    uint8_t chunk[1 << 16];
    for (size_t n; (n = std::fread(chunk, 1, sizeof chunk, f)) > 0;) {
        all.insert(all.end(), chunk, chunk + n);
    }
    if (std::ferror(f)) die(path + ": read failed");
    std::fclose(f);
    return all;
}

// Buffers the trace and keeps count of the time spent waiting for its reader.
class TraceWriter {
public:
    void put(const void* bytes, size_t count) {
        const auto* p = static_cast<const uint8_t*>(bytes);
        m_buffer.insert(m_buffer.end(), p, p + count);
        if (m_buffer.size() >= kFlushBytes) flush();
    }
    void put32(uint32_t v) { put(&v, sizeof v); }
    void put64(uint64_t v) { put(&v, sizeof v); }

    // Bits [offset, offset+bits) of padded (8 spare bytes at its end).
    void putBits(const uint8_t* padded, uint32_t offset, uint32_t bits) {
        const uint8_t* src = padded + (offset >> 3);
        const unsigned shift = offset & 7;
        for (uint32_t done = 0; done < bits; done += 64, src += 8) {
            uint64_t word;
            std::memcpy(&word, src, 8);
            if (shift) word = (word >> shift) | (static_cast<uint64_t>(src[8]) << (64 - shift));
            const uint32_t left = bits - done;
            if (left < 64) word &= (1ULL << left) - 1;
            put(&word, left < 64 ? (left + 7) / 8 : 8);
        }
    }

    void flush() {
        const auto start = Clock::now();
        for (size_t at = 0; at < m_buffer.size();) {
            const ssize_t n = ::write(kTraceFd, m_buffer.data() + at, m_buffer.size() - at);
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) die(std::string("trace: ") + std::strerror(errno));
            at += static_cast<size_t>(n);
        }
        m_buffer.clear();
        m_waited += Clock::now() - start;
    }
    Clock::duration waited() const { return m_waited; }

private:
    std::vector<uint8_t> m_buffer;
    Clock::duration m_waited{};
};

class Bench {
public:
    explicit Bench(const Config& config)
        : m_config(config), m_beats(readFile(config.beats)), m_stim(readFile(config.stim)) {
        if (m_beats.size() % config.beatBytes) die("the beats file ends inside a beat");
        m_beatCount = m_beats.size() / config.beatBytes;
        for (const Stream& s : config.streams) {
            const size_t end = (s.offset + s.bits + 7) / 8;
            if (end > m_dataBytes) m_dataBytes = end;
        }
        // Registers without a reset start at random: 2 = random, fixed seed.
        m_context.fatalOnError(false);  // $stop ends the run in order, with its waves
        m_context.randReset(2);
        m_context.randSeed(config.seed);
        m_top = std::make_unique<Vbench>(&m_context, "");
        openVcd();
    }

    int run() {
        writeHead();
        reset();
        const auto start = Clock::now();
        uint64_t cycle = 0;
        for (; cycle < m_stim.size() && !m_context.gotFinish(); ++cycle) step(m_stim[cycle]);
        const auto spent = Clock::now() - start - m_trace.waited();
        const bool finished = m_context.gotFinish();
        m_top->final();
        closeVcd();
        std::fflush(stdout);
        if (finished) {
            m_trace.flush();
            return 3;
        }
        m_trace.put(kEndMagic, 8);
        m_trace.put64(cycle);
        m_trace.put64(std::chrono::duration_cast<std::chrono::nanoseconds>(spent).count());
        m_trace.flush();
        return 0;
    }

private:
    void writeHead() {
        m_trace.put(kHeadMagic, 8);
        m_trace.put64(m_config.trace ? m_stim.size() : 0);
        m_trace.put32(static_cast<uint32_t>(m_config.streams.size()));
        for (const Stream& s : m_config.streams) m_trace.put32(s.bits);
    }

    void reset() {
        m_top->aresetn = 0;
        drive(false, 0);
        m_top->m_axis_tready = 0;
        for (int i = 0; i < kResetEdges; ++i) {
            settle();
            edge();
        }
        m_top->aresetn = 1;
    }

    // One cycle: inputs, settle, sample, rising edge.
    void step(uint8_t stim) {
        const bool valid = m_next < m_beatCount && (m_pending || !(stim & kGapBit));
        drive(valid, m_next);
        m_top->m_axis_tready = !(stim & kStallBit);
        settle();
        m_pending = valid && !m_top->s_axis_tready;
        if (valid && m_top->s_axis_tready) ++m_next;
        if (m_config.trace) sample();
        edge();
    }

    void drive(bool valid, size_t beat) {
        m_top->s_axis_tvalid = valid;
        m_top->s_axis_tlast = valid && (beat + 1) % m_config.frameBeats == 0;
        const uint8_t* bytes = valid ? m_beats.data() + beat * m_config.beatBytes : nullptr;
        setPort(m_top->s_axis_tdata, bytes, valid ? m_config.beatBytes : 0);
    }

    void sample() {
        const size_t setBytes = (m_config.streams.size() + 7) / 8;
        getPort(m_top->probe_valid, m_valid, setBytes);
        getPort(m_top->probe_ready, m_ready, setBytes);
        getPort(m_top->probe_data, m_data, m_dataBytes);
        m_trace.put(m_valid.data(), setBytes);
        m_trace.put(m_ready.data(), setBytes);
        for (size_t i = 0; i < m_config.streams.size(); ++i) {
            if (!(m_valid[i / 8] >> (i % 8) & 1)) continue;
            m_trace.putBits(m_data.data(), m_config.streams[i].offset, m_config.streams[i].bits);
        }
    }

    void settle() {
        m_top->aclk = 0;
        m_top->eval();
        dumpVcd();
    }
    void edge() {
        m_top->aclk = 1;
        m_top->eval();
        dumpVcd();
    }

#if VM_TRACE
    void openVcd() {
        if (!m_config.vcd) return;
        m_context.traceEverOn(true);
        m_file = std::make_unique<WavePipe>();
        m_vcd = std::make_unique<VerilatedVcdC>(m_file.get());
        m_top->trace(m_vcd.get(), 99);
        m_vcd->open("waves");
    }
    void dumpVcd() {
        if (m_vcd) m_vcd->dump(m_context.time());
        m_context.timeInc(1);
    }
    void closeVcd() {
        if (m_vcd) m_vcd->close();
    }
    std::unique_ptr<WavePipe> m_file;  // before m_vcd, which writes to it to the end
    std::unique_ptr<VerilatedVcdC> m_vcd;
#else
    void openVcd() {
        if (m_config.vcd) die("--vcd wants a binary built with waves");
    }
    void dumpVcd() { m_context.timeInc(1); }
    void closeVcd() {}
#endif

    const Config& m_config;
    std::vector<uint8_t> m_beats, m_stim;
    size_t m_beatCount = 0, m_next = 0, m_dataBytes = 0;
    bool m_pending = false;
    VerilatedContext m_context;
    std::unique_ptr<Vbench> m_top;
    std::vector<uint8_t> m_valid, m_ready, m_data;
    TraceWriter m_trace;
};

}  // namespace

int main(int argc, char** argv) {
    const Config config = parseArguments(argc, argv);
    auto bench = std::make_unique<Bench>(config);
    return bench->run();
}
