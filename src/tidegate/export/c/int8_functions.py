"""Products of whole numbers of 8 bits in C: every branch adds up the same 32-bit numbers exactly."""

ROWS = 16  # rows of a matrix that are added up together
AT_ONCE = 16  # numbers of a row, to whose multiples a row is filled up with zeros

INSTRUCTIONS = """\
#if defined(__AVX512VNNI__) || defined(__AVX2__)
#include <immintrin.h>
#elif defined(__ARM_FEATURE_DOTPROD)
#include <arm_neon.h>
#elif defined(__wasm_simd128__)
#include <wasm_simd128.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

/* What is added to vectors in 8 bits: AVX-512's instruction takes one factor without a sign. */
#if defined(__AVX512VNNI__)
#define SHIFT 128
#else
#define SHIFT 0
#endif"""

TO_INT8 = """\
/* Round a vector to whole numbers from -127 to 127 and a scale, largest |x| / 127: x = scale whole. A vector whose
   numbers are all below 1e-30 is zeros; if one is not finite, the scale is not either, and what is computed with it. */
static inline float to_int8_(const float *restrict x, int size, int8_t *restrict whole) {
  union { float f; int32_t i; } largest = {.i = 0};
  KEEP_LOOP for (int k = 0; k < size; ++k) {
    union { float f; int32_t i; } number = {.f = x[k]};
    number.i &= 0x7fffffff; /* |x|: these bits are ordered as the numbers are, and NaN is the largest */
    largest.i = number.i > largest.i ? number.i : largest.i;
  }
  const float scale = largest.f < 1e-30f ? 0.0f : largest.f / 127.0f;
  const float by = scale == 0.0f ? 1.0f : scale;
  KEEP_LOOP for (int k = 0; k < size; ++k) {
    union { float f; int32_t i; } rounded = {.f = x[k] / by + 12582912.0f}; /* + 1.5 * 2^23: in the low bits */
    whole[k] = (int8_t)(((uint32_t)rounded.i + SHIFT) & 255);
  }
  for (int k = size; k % 16 != 0; ++k) whole[k] = 0;
  return scale;
}"""

TO_INT8_BY_SCALE = """\
/* Round a vector to whole numbers of a scale; what is more than 127 of them is 127. Returns the scale, or NaN if a
   number is NaN. */
static inline float to_int8_by_scale_(const float *restrict x, int size, float scale, int8_t *restrict whole) {
  union { int32_t i; float f; } nan = {.i = 0};
  KEEP_LOOP for (int k = 0; k < size; ++k) {
    const float number = x[k] / scale;
    const float below = choose_(number > 127.0f, 127.0f, number);
    union { float f; int32_t i; } rounded = {.f = choose_(number < -127.0f, -127.0f, below) + 12582912.0f};
    whole[k] = (int8_t)(((uint32_t)rounded.i + SHIFT) & 255);
    nan.i |= -(number != number);
  }
  for (int k = size; k % 16 != 0; ++k) whole[k] = 0;
  nan.i &= 0x7fc00000;
  return scale + nan.f; /* 0, or NaN */
}"""

ADD_ROWS = """\
/* y[n] += x[0] w[n][0] + x[1] w[n][1] + ... for 16 rows n of a matrix, with x = scale whole. The rows are 16 scales,
   16 sums of the rows times -128, and whole numbers, four of each row in turn. Every sum is exact: it is below 2^31 and
   in no branch leaves its type. Returns what follows the rows. */
static inline const float *add_rows_(const float *restrict rows, const int8_t *restrict whole, int size, float scale,
                                     float *restrict y) {
  const int8_t *restrict w = (const int8_t *)(rows + 32);
  int32_t sums[16] = {0};
#if defined(__AVX512VNNI__)
  /* whole + 128 is multiplied, so 128 times the sum of the row has to be taken away. */
#define ADD_FOUR(sum, k) \\
  memcpy(&four, whole + 4 * (k), 4); \\
  sum = _mm512_dpbusd_epi32(sum, _mm512_set1_epi32(four), _mm512_loadu_si512(w + 64 * (k)))
  __m512i a = _mm512_loadu_si512(rows + 16), b = _mm512_setzero_si512(), c = b, d = b;
  for (int k = 0; k < size; k += 16, w += 256, whole += 16) {
    int32_t four;
    ADD_FOUR(a, 0);
    ADD_FOUR(b, 1);
    ADD_FOUR(c, 2);
    ADD_FOUR(d, 3);
  }
#undef ADD_FOUR
  _mm512_storeu_si512(sums, _mm512_add_epi32(_mm512_add_epi32(a, b), _mm512_add_epi32(c, d)));
#elif defined(__AVX2__)
  /* |x| times w with the sign of x: two such products are at most 2 * 127 * 127, which 16 bits hold. */
#define ADD_FOUR(sum, n) \\
  sum = _mm256_add_epi32(sum, _mm256_madd_epi16(one, _mm256_maddubs_epi16(absolute, \\
      _mm256_sign_epi8(_mm256_loadu_si256((const __m256i *)(w + 4 * (n))), x))))
  const __m256i one = _mm256_set1_epi16(1);
  __m256i a = _mm256_setzero_si256(), b = a;
  for (int k = 0; k < size; k += 4, w += 64, whole += 4) {
    int32_t four;
    memcpy(&four, whole, 4);
    const __m256i x = _mm256_set1_epi32(four), absolute = _mm256_abs_epi8(x);
    ADD_FOUR(a, 0);
    ADD_FOUR(b, 8);
  }
#undef ADD_FOUR
  _mm256_storeu_si256((__m256i *)sums, a);
  _mm256_storeu_si256((__m256i *)(sums + 8), b);
#elif defined(__ARM_FEATURE_DOTPROD)
  int32x4_t a = vdupq_n_s32(0), b = a, c = a, d = a;
  for (int k = 0; k < size; k += 4, w += 64, whole += 4) {
    int32_t four;
    memcpy(&four, whole, 4);
    const int8x16_t x = vreinterpretq_s8_s32(vdupq_n_s32(four));
    a = vdotq_s32(a, vld1q_s8(w), x);
    b = vdotq_s32(b, vld1q_s8(w + 16), x);
    c = vdotq_s32(c, vld1q_s8(w + 32), x);
    d = vdotq_s32(d, vld1q_s8(w + 48), x);
  }
  vst1q_s32(sums, a);
  vst1q_s32(sums + 4, b);
  vst1q_s32(sums + 8, c);
  vst1q_s32(sums + 12, d);
#elif defined(__wasm_simd128__) || defined(__SSE2__)
  /* In 16 bits; each half of a row has a sum of its own until the end. */
#if defined(__wasm_simd128__)
  typedef v128_t bits128;
#define LOAD(from) wasm_v128_load(from)
#define STORE(to, v) wasm_v128_store(to, v)
#define ADD(a, b) wasm_i32x4_add(a, b)
#define DOT(a, b) wasm_i32x4_dot_i16x8(a, b)
#define LOW(v) wasm_i16x8_extend_low_i8x16(v)
#define HIGH(v) wasm_i16x8_extend_high_i8x16(v)
#define SPLAT(four) wasm_i32x4_splat(four)
#define EVEN(a, b) wasm_i32x4_shuffle(a, b, 0, 2, 4, 6)
#define ODD(a, b) wasm_i32x4_shuffle(a, b, 1, 3, 5, 7)
#else
  typedef __m128i bits128;
#define LOAD(from) _mm_loadu_si128((const __m128i *)(from))
#define STORE(to, v) _mm_storeu_si128((__m128i *)(to), v)
#define ADD(a, b) _mm_add_epi32(a, b)
#define DOT(a, b) _mm_madd_epi16(a, b)
#define LOW(v) _mm_srai_epi16(_mm_unpacklo_epi8(v, v), 8)
#define HIGH(v) _mm_srai_epi16(_mm_unpackhi_epi8(v, v), 8)
#define SPLAT(four) _mm_set1_epi32(four)
#define PICK(a, b, which) _mm_castps_si128(_mm_shuffle_ps(_mm_castsi128_ps(a), _mm_castsi128_ps(b), which))
#define EVEN(a, b) PICK(a, b, 0x88)
#define ODD(a, b) PICK(a, b, 0xdd)
#endif
  bits128 halves[8];
  for (int n = 0; n < 8; ++n) halves[n] = SPLAT(0);
  for (int k = 0; k < size; k += 4, w += 64, whole += 4) {
    int32_t four;
    memcpy(&four, whole, 4);
    const bits128 bytes = SPLAT(four), x = LOW(bytes);
    for (int n = 0; n < 4; ++n) {
      const bits128 row = LOAD(w + 16 * n);
      halves[2 * n] = ADD(halves[2 * n], DOT(LOW(row), x));
      halves[2 * n + 1] = ADD(halves[2 * n + 1], DOT(HIGH(row), x));
    }
  }
  for (int n = 0; n < 4; ++n) {
    const bits128 a = halves[2 * n], b = halves[2 * n + 1];
    STORE(sums + 4 * n, ADD(EVEN(a, b), ODD(a, b)));
  }
#else
  for (int k = 0; k < size; k += 4, w += 64, whole += 4) {
    KEEP_LOOP for (int n = 0; n < 16; ++n) {
      sums[n] += w[4 * n] * whole[0] + w[4 * n + 1] * whole[1] + w[4 * n + 2] * whole[2] + w[4 * n + 3] * whole[3];
    }
  }
#endif
  KEEP_LOOP for (int n = 0; n < 16; ++n) y[n] += scale * rows[n] * (float)sums[n];
  return rows + 32 + 4 * size;
}"""
