// Drives a generated `bench` module and writes what its probes show.
//
// One source serves every design: only the list of its probes is generated (shape.h.tmpl),
// all else is arguments. The cycle semantics, the stimulus files and the
// trace format are described in ../TRACE.md, which the Go reader follows too.
//
//   Vbench --beats PREFIX --stim FILE --sources BEATBYTES:FRAME,... --sinks N
//          --streams BITS,... [--seed N] [--vcd] [--no-trace]
//
// The beats of source i are in the file PREFIX with i behind it.
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
#include "shape.h"
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
constexpr char kHeadMagic[] = "A2QTRC1\n";
constexpr char kEndMagic[] = "A2QTEND\n";

[[noreturn]] void die(const std::string& text) {
    std::fprintf(stderr, "harness: %s\n", text.c_str());
    std::exit(1);
}

// Every Verilator port type (CData, SData, IData, QData, VlWide) is, on a
// little-endian host, its bits as little-endian bytes: sizeof says how many.
template <typename Port>
void setPort(Port& port, const std::vector<uint8_t>& bytes) {
    if (bytes.size() > sizeof(Port)) die("a port is narrower than what is driven at it");
    std::memset(&port, 0, sizeof(Port));
    std::memcpy(&port, bytes.data(), bytes.size());
}

template <typename Port>
const uint8_t* bytesOf(const Port& port, size_t needed) {
    if (needed > sizeof(Port)) die("a port is narrower than its streams");
    return reinterpret_cast<const uint8_t*>(&port);
}

bool bitOf(const uint8_t* bytes, size_t i) { return bytes[i / 8] >> (i % 8) & 1; }

void setBit(std::vector<uint8_t>& bytes, size_t i, bool v) {
    const uint8_t mask = static_cast<uint8_t>(1u << (i % 8));
    bytes[i / 8] = static_cast<uint8_t>(v ? bytes[i / 8] | mask : bytes[i / 8] & ~mask);
}

size_t bytesFor(size_t bits) { return (bits + 7) / 8; }

#if VM_TRACE
// Waves go to a pipe whose reader stores them and ends the run where it cannot.
class WavePipe final : public VerilatedVcdFile {
public:
    bool open(const std::string&) override { return true; }
    void close() override {}
    ssize_t write(const char* text, ssize_t size) override { return ::write(kWavesFd, text, size); }
};
#endif

// Shape of a source: bytes of a beat, beats of a frame.
struct SourceShape {
    size_t beatBytes, frameBeats;
};

struct Config {
    std::string beats, stim;
    std::vector<SourceShape> sources;
    std::vector<uint32_t> streams;  // bits of each
    size_t sinks = 1;
    int seed = 1;
    bool trace = true, vcd = false;
};

std::vector<size_t> parseNumbers(const char* text) {
    std::vector<size_t> numbers;
    while (*text) {
        char* end = nullptr;
        numbers.push_back(std::strtoull(text, &end, 10));
        if (end == text) die("a list of numbers is wanted");
        text = *end ? end + 1 : end;
    }
    return numbers;
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
        else if (name == "--sources") {
            const auto n = parseNumbers(value);
            for (size_t k = 0; k + 1 < n.size(); k += 2) c.sources.push_back({n[k], n[k + 1]});
        } else if (name == "--sinks") c.sinks = std::strtoull(value, nullptr, 10);
        else if (name == "--streams") {
            for (const size_t bits : parseNumbers(value)) c.streams.push_back(static_cast<uint32_t>(bits));
        }
        else if (name == "--seed") c.seed = std::atoi(value);
        else die("unknown argument " + name);
    }
    if (c.sources.empty()) die("--sources is wanted");
    for (const auto& s : c.sources) {
        if (s.beatBytes == 0 || s.frameBeats == 0) die("--sources wants BEATBYTES:FRAME,...");
    }
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

// Source offers the beats of a file, one after another.
class Source {
public:
    Source(const SourceShape& shape, const std::string& file) : m_shape(shape), m_beats(readFile(file)) {
        if (m_beats.size() % shape.beatBytes) die("the beats file ends inside a beat");
    }
    // Whether it offers a beat in a cycle with or without a gap.
    bool offers(bool gap) const { return m_at < m_beats.size() && (m_pending || !gap); }
    const uint8_t* beat() const { return m_beats.data() + m_at; }
    bool last() const { return (m_at / m_shape.beatBytes + 1) % m_shape.frameBeats == 0; }
    size_t beatBytes() const { return m_shape.beatBytes; }
    void end(bool valid, bool ready) {
        m_pending = valid && !ready;
        if (valid && ready) m_at += m_shape.beatBytes;
    }

private:
    SourceShape m_shape;
    std::vector<uint8_t> m_beats;
    size_t m_at = 0;
    bool m_pending = false;
};

class Bench {
public:
    explicit Bench(const Config& config) : m_config(config), m_stim(readFile(config.stim)) {
        size_t dataBytes = 0;
        for (size_t i = 0; i < config.sources.size(); ++i) {
            m_sources.emplace_back(config.sources[i], config.beats + std::to_string(i));
            dataBytes += config.sources[i].beatBytes;
        }
        m_stimBytes = bytesFor(m_sources.size() + config.sinks);
        if (m_stim.size() % m_stimBytes) die("the stimulus file ends inside a cycle");
        m_valid.resize(bytesFor(m_sources.size()));
        m_last.resize(m_valid.size());
        m_data.resize(dataBytes);
        m_takes.resize(bytesFor(config.sinks));
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
        for (; cycle < cycles() && !m_context.gotFinish(); ++cycle) {
            step(m_stim.data() + cycle * m_stimBytes);
        }
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
    uint64_t cycles() const { return m_stim.size() / m_stimBytes; }

    void writeHead() {
        m_trace.put(kHeadMagic, 8);
        m_trace.put64(m_config.trace ? cycles() : 0);
        m_trace.put32(static_cast<uint32_t>(m_config.streams.size()));
        for (const uint32_t bits : m_config.streams) m_trace.put32(bits);
    }

    void reset() {
        m_top->aresetn = 0;
        drive(nullptr);
        for (int i = 0; i < kResetEdges; ++i) {
            settle();
            edge();
        }
        m_top->aresetn = 1;
    }

    // One cycle: inputs, settle, sample, rising edge.
    void step(const uint8_t* stim) {
        drive(stim);
        settle();
        const uint8_t* ready = bytesOf(m_top->s_axis_tready, m_valid.size());
        for (size_t i = 0; i < m_sources.size(); ++i) {
            m_sources[i].end(bitOf(m_valid.data(), i), bitOf(ready, i));
        }
        if (m_config.trace) sample();
        edge();
    }

    // A cycle's stimulus: the gaps of all sources, then the stalls of all sinks; none in reset.
    void drive(const uint8_t* stim) {
        size_t at = 0;
        for (size_t i = 0; i < m_sources.size(); ++i) {
            const Source& s = m_sources[i];
            const bool valid = stim && s.offers(bitOf(stim, i));
            setBit(m_valid, i, valid);
            setBit(m_last, i, valid && s.last());
            // Ones in a gap: a design that takes a beat without valid must not get away with a 0.
            if (valid) std::memcpy(m_data.data() + at, s.beat(), s.beatBytes());
            else std::memset(m_data.data() + at, 0xff, s.beatBytes());
            at += s.beatBytes();
        }
        for (size_t i = 0; i < m_config.sinks; ++i) {
            setBit(m_takes, i, stim && !bitOf(stim, m_sources.size() + i));
        }
        setPort(m_top->s_axis_tvalid, m_valid);
        setPort(m_top->s_axis_tlast, m_last);
        setPort(m_top->s_axis_tdata, m_data);
        setPort(m_top->m_axis_tready, m_takes);
    }

    void sample() {
        const size_t setBytes = bytesFor(m_config.streams.size());
        const uint8_t* valid = bytesOf(m_top->probe_valid, setBytes);
        m_trace.put(valid, setBytes);
        m_trace.put(bytesOf(m_top->probe_ready, setBytes), setBytes);
#define A2QGEN_PUT(i) if (bitOf(valid, i)) putProbe(m_top->probe_##i, m_config.streams[i]);
        A2QGEN_PROBES(A2QGEN_PUT)
#undef A2QGEN_PUT
    }

    template <typename Port>
    void putProbe(const Port& port, uint32_t bits) {
        m_trace.put(bytesOf(port, bytesFor(bits)), bytesFor(bits));
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
    std::vector<uint8_t> m_stim;
    size_t m_stimBytes = 1;
    std::vector<Source> m_sources;
    // What the sources show, and which sinks take: bit i for port i.
    std::vector<uint8_t> m_valid, m_last, m_data, m_takes;
    VerilatedContext m_context;
    std::unique_ptr<Vbench> m_top;
    TraceWriter m_trace;
};

}  // namespace

int main(int argc, char** argv) {
    const Config config = parseArguments(argc, argv);
    auto bench = std::make_unique<Bench>(config);
    return bench->run();
}
