#include "kernels/strips.h"

#include <cstring>

#include "kernels/quant.h"

namespace sluice::kernels {
namespace {

constexpr size_t kRows = kStripRows;

// An array of the block that is copied dword by dword: offset and dwords.
struct Array {
    size_t at, dwords;
};
// What a block consists of besides its f16 scales: packed scales of 12 bytes or 16 int8, then arrays.
struct Parts {
    size_t half_at[2];  // offsets of the f16 scales
    int halves;
    size_t packed_at;  // Q4_K and Q5_K: the 12 bytes of unpack_scales_k4
    size_t int8_at;    // Q6_K: the 16 int8 scales
    Array arrays[2];
};
constexpr size_t kNone = static_cast<size_t>(-1);

Parts parts_of(DType type) {
    switch (type) {
        case DType::q4_k:
            return {{offsetof(BlockQ4_K, d), offsetof(BlockQ4_K, dmin)},
                    2,
                    offsetof(BlockQ4_K, scales),
                    kNone,
                    {{offsetof(BlockQ4_K, qs), 32}, {0, 0}}};
        case DType::q5_k:
            return {{offsetof(BlockQ5_K, d), offsetof(BlockQ5_K, dmin)},
                    2,
                    offsetof(BlockQ5_K, scales),
                    kNone,
                    {{offsetof(BlockQ5_K, qh), 8}, {offsetof(BlockQ5_K, qs), 32}}};
        case DType::q6_k:
            return {{offsetof(BlockQ6_K, d), 0},
                    1,
                    kNone,
                    offsetof(BlockQ6_K, scales),
                    {{offsetof(BlockQ6_K, qh), 16}, {offsetof(BlockQ6_K, ql), 32}}};
        case DType::q8_0:
            return {{offsetof(BlockQ8_0, d), 0}, 1, kNone, kNone, {{offsetof(BlockQ8_0, qs), 8}, {0, 0}}};
        default:
            return {{offsetof(BlockQ4_0, d), 0}, 1, kNone, kNone, {{offsetof(BlockQ4_0, qs), 4}, {0, 0}}};
    }
}

// One row's packed scales and minimums to its bytes of the three lines, and back.
void spread_scales(const uint8_t* packed, uint8_t* lines, size_t row) {
    uint8_t value[2][8];
    unpack_scales_k4(packed, value[0], value[1]);
    for (size_t kind = 0; kind < 2; ++kind) {
        for (size_t g = 0; g < 4; ++g) {
            const uint8_t low = value[kind][g], high = value[kind][g + 4];
            lines[(4 * kind + g) * kRows + row] = static_cast<uint8_t>((low & 15) | (high & 15) << 4);
        }
        for (size_t half = 0; half < 2; ++half) {
            unsigned bits = 0;
            for (size_t g = 0; g < 4; ++g) bits |= (value[kind][4 * half + g] >> 4u) << (2 * g);
            lines[(8 + 2 * kind + half) * kRows + row] = static_cast<uint8_t>(bits);
        }
    }
}
void gather_scales(const uint8_t* lines, size_t row, uint8_t* packed) {
    unsigned value[2][8];
    for (size_t kind = 0; kind < 2; ++kind) {
        for (size_t g = 0; g < 8; ++g) {
            const unsigned nibbles = lines[(4 * kind + g % 4) * kRows + row];
            const unsigned bits = lines[(8 + 2 * kind + g / 4) * kRows + row];
            value[kind][g] = ((nibbles >> (g / 4 * 4)) & 15) | ((bits >> (2 * (g % 4))) & 3) << 4;
        }
    }
    for (size_t j = 0; j < 4; ++j) {
        packed[j] = static_cast<uint8_t>(value[0][j] | (value[0][j + 4] >> 4) << 6);
        packed[j + 4] = static_cast<uint8_t>(value[1][j] | (value[1][j + 4] >> 4) << 6);
        packed[j + 8] = static_cast<uint8_t>((value[0][j + 4] & 15) | (value[1][j + 4] & 15) << 4);
    }
}

// dword j of row r <-> dword r of line j.
void transpose(const std::byte* const* rows, Array array, std::byte* lines) {
    for (size_t j = 0; j < array.dwords; ++j)
        for (size_t r = 0; r < kRows; ++r)
            std::memcpy(lines + (j * kRows + r) * 4, rows[r] + array.at + j * 4, 4);
}

void write_block(const Parts& parts, const std::byte* const* rows, std::byte* head, std::byte* body) {
    for (int h = 0; h < parts.halves; ++h)
        for (size_t r = 0; r < kRows; ++r)
            std::memcpy(head + (static_cast<size_t>(h) * kRows + r) * 2, rows[r] + parts.half_at[h], 2);
    if (parts.packed_at != kNone) {
        for (size_t r = 0; r < kRows; ++r)
            spread_scales(reinterpret_cast<const uint8_t*>(rows[r] + parts.packed_at),
                          reinterpret_cast<uint8_t*>(body), r);
        body += 12 * kRows;
    }
    if (parts.int8_at != kNone) {
        for (size_t r = 0; r < kRows; ++r)
            for (size_t g = 0; g < 16; ++g) body[g * kRows + r] = rows[r][parts.int8_at + g];
        body += 16 * kRows;
    }
    for (const Array& array : parts.arrays) {
        transpose(rows, array, body);
        body += array.dwords * 4 * kRows;
    }
}

void read_block(const Parts& parts, const std::byte* head, const std::byte* body, size_t row,
                std::byte* block) {
    for (int h = 0; h < parts.halves; ++h)
        std::memcpy(block + parts.half_at[h], head + (static_cast<size_t>(h) * kRows + row) * 2, 2);
    if (parts.packed_at != kNone) {
        gather_scales(reinterpret_cast<const uint8_t*>(body), row,
                      reinterpret_cast<uint8_t*>(block + parts.packed_at));
        body += 12 * kRows;
    }
    if (parts.int8_at != kNone) {
        for (size_t g = 0; g < 16; ++g) block[parts.int8_at + g] = body[g * kRows + row];
        body += 16 * kRows;
    }
    for (const Array& array : parts.arrays) {
        for (size_t j = 0; j < array.dwords; ++j)
            std::memcpy(block + array.at + j * 4, body + (j * kRows + row) * 4, 4);
        body += array.dwords * 4 * kRows;
    }
}

StripView view_of(DType type, int64_t rows, int64_t cols, const std::byte* data) {
    const StripBlock one = strip_block(type);
    const size_t blocks = static_cast<size_t>(cols) / dtype_info(type).block_elems;
    const size_t head = blocks * one.head;
    return {data, data + static_cast<size_t>(rows) / kRows * head, head, blocks * one.body};
}

}  // namespace

StripView strip_view(const Weight& w) {
    return view_of(w.type, w.rows, w.cols, w.data);
}

void write_strip(DType type, int64_t rows, int64_t cols, int64_t strip, const std::byte* gguf_rows,
                 std::byte* out) {
    const StripView view = view_of(type, rows, cols, out);
    const StripBlock one = strip_block(type);
    const auto s = static_cast<size_t>(strip);
    std::byte* head = out + s * view.head_bytes;
    std::byte* body = out + (view.bodies - out) + s * view.body_bytes;
    const Parts parts = parts_of(type);
    const std::byte* row[kRows];
    for (size_t r = 0; r < kRows; ++r) row[r] = gguf_rows + r * row_bytes(type, cols);
    for (size_t b = 0; b < static_cast<size_t>(cols) / dtype_info(type).block_elems; ++b) {
        write_block(parts, row, head + b * one.head, body + b * one.body);
        for (auto& r : row) r += dtype_info(type).block_bytes;
    }
}

void read_strip_block(const Weight& w, int64_t r, int64_t block, std::byte* out) {
    const StripView view = strip_view(w);
    const StripBlock one = strip_block(w.type);
    const auto s = static_cast<size_t>(r / kStripRows), lane = static_cast<size_t>(r % kStripRows),
               b = static_cast<size_t>(block);
    read_block(parts_of(w.type), view.heads + s * view.head_bytes + b * one.head,
               view.bodies + s * view.body_bytes + b * one.body, lane, out);
}

void dequantize(const Weight& w, int64_t r, float* out) {
    if (w.layout == Layout::rows) return dequantize_row(w.type, w.row(r), out, w.cols);
    const auto elems = static_cast<int64_t>(dtype_info(w.type).block_elems);
    std::byte block[sizeof(BlockQ6_K)];  // the largest
    for (int64_t b = 0; b < w.cols / elems; ++b) {
        read_strip_block(w, r, b, block);
        dequantize_row(w.type, block, out + b * elems, elems);
    }
}

}  // namespace sluice::kernels
