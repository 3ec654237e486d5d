/* A frame of two GRU cells between the products by their weights, on one thread.

   Arrays are without gaps, of float32 except where bfloat16 is said to be possible; gates are in the
   order reset, update, new. T frames, N clips, 2 cells, H units. PyTorch's operators take several
   times as long, as each of them reads and writes memory again. Called by gru_gates.py. */

#include <stdint.h>
#include <string.h>

/* 2^x to a relative error of 2e-7, float32's own: that of the nearest whole number, times a
   polynomial of the rest, exact to 1e-8. NaN stays NaN. */
static inline float power_of_two(float x)
{
    x = x > 126.0f ? 126.0f : x;
    x = x < -126.0f ? -126.0f : x;
    float whole = x + 12582912.0f; /* 1.5 * 2^23: the number's last bits are whole ones */
    float rest = x - (whole - 12582912.0f);
    float power = 1.54531634e-4f;
    power = power * rest + 1.33908633e-3f;
    power = power * rest + 9.61808302e-3f;
    power = power * rest + 5.55035695e-2f;
    power = power * rest + 2.40226507e-1f;
    power = power * rest + 6.93147182e-1f;
    power = power * rest + 1.0f;
    uint32_t exponent, bits;
    memcpy(&exponent, &whole, sizeof exponent);
    memcpy(&bits, &power, sizeof bits);
    bits += exponent << 23;
    memcpy(&power, &bits, sizeof power);
    return power;
}

static inline float sigmoid(float x)
{
    return 1.0f / (1.0f + power_of_two(-1.44269504f * x)); /* 1 / ln 2 */
}

static inline float hyperbolic_tangent(float x)
{
    return 2.0f / (1.0f + power_of_two(-2.88539008f * x)) - 1.0f;
}

/* A number of an array of float32, or of bfloat16 if `low`: the upper half of a float32. */
static inline float number_of(const void *array, int64_t i, const int low)
{
    if (!low)
        return ((const float *)array)[i];
    uint32_t bits = (uint32_t)((const uint16_t *)array)[i] << 16;
    float number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

/* Write one, to bfloat16 the nearest or the even one of two. */
static inline void set(void *array, int64_t i, float number, const int low)
{
    if (!low) {
        ((float *)array)[i] = number;
        return;
    }
    uint32_t bits;
    memcpy(&bits, &number, sizeof bits);
    bits = number == number ? bits + 0x7fff + (bits >> 16 & 1) : 0x7fc00000;
    ((uint16_t *)array)[i] = (uint16_t)(bits >> 16);
}

static inline void *at(const void *array, int64_t i, const int low)
{
    return (char *)array + i * (low ? 2 : 4);
}

/* Advance both cells by a frame, and keep gates and new_back if `keeps`. */
static inline void advance_rows(const void *given, float *gates, const float *shift,
                                const float *new_shift, const void *fed_back, float *states,
                                void *read_next, float *new_back, int64_t clips, int64_t size,
                                const int low, const int low_fed, const int keeps)
{
    for (int64_t row = 0; row < 2 * clips; row++) {
        int64_t clip = row / 2, cell = row % 2;
        const void *row_given = at(given, row * 3 * size, low);
        const void *restrict row_back = at(fed_back, (cell * clips + clip) * 3 * size, low_fed);
        const float *restrict row_shift = shift + cell * 3 * size;
        const float *restrict row_new_shift = new_shift + cell * size;
        const float *restrict state = states + row * size;
        float *restrict next = states + (2 * clips + row) * size;
        void *restrict row_read = at(read_next, (cell * clips + clip) * size, low_fed);
        float *row_gates = keeps ? gates + row * 3 * size : 0;
        float *restrict row_new_back = keeps ? new_back + row * size : 0;
#pragma omp simd
        for (int64_t i = 0; i < size; i++) {
            float reset = number_of(row_given, i, low) + row_shift[i];
            float update = number_of(row_given, size + i, low) + row_shift[size + i];
            float new = number_of(row_given, 2 * size + i, low) + row_shift[2 * size + i];
            float back = number_of(row_back, 2 * size + i, low_fed) + row_new_shift[i];
            reset = sigmoid(reset + number_of(row_back, i, low_fed));
            update = sigmoid(update + number_of(row_back, size + i, low_fed));
            new = hyperbolic_tangent(new + reset * back);
            float advanced = new + update * (state[i] - new);
            next[i] = advanced;
            set(row_read, i, advanced, low_fed);
            if (keeps) {
                row_gates[i] = reset;
                row_gates[size + i] = update;
                row_gates[2 * size + i] = new;
                row_new_back[i] = back;
            }
        }
    }
}

/* Advance both cells by a frame.

   given:     [T, N, 2, 3, H], what the inputs give; bfloat16 if `low`.
   gates:     [T, N, 2, 3, H], the frame's are written, which may be to `given`; null for none.
   shift:     [2, 3, H], is added to what is given.
   new_shift: [2, H], is added to what new gates are fed back.
   fed_back:  [2, N, 3, H], the states before, times their weights; bfloat16 if `low_fed`.
   states:    [1 + T, N, 2, H], those after the frame are written.
   read_next: [2, N, H], here too, for the next product; bfloat16 if `low_fed`.
   new_back:  [T, N, 2, H], what new gates are fed back is written; null if `gates` is.

   Nothing is fed back in bfloat16 unless what is given is. */
void advance(const void *given, float *gates, const float *shift, const float *new_shift,
             const void *fed_back, float *states, void *read_next, float *new_back, int64_t frame,
             int64_t clips, int64_t size, int64_t low, int64_t low_fed)
{
    int64_t before = frame * clips * 2 * size;
    const int keeps = gates != 0;
    given = at(given, 3 * before, low);
    states += before;
    if (keeps) {
        gates += 3 * before;
        new_back += before;
    }
/* One loop for each kind of numbers. */
#define ROWS(low, low_fed, keeps)                                                               \
    advance_rows(given, gates, shift, new_shift, fed_back, states, read_next, new_back, clips,  \
                 size, low, low_fed, keeps)
    if (low_fed && keeps)
        ROWS(1, 1, 1);
    else if (low_fed)
        ROWS(1, 1, 0);
    else if (low && keeps)
        ROWS(1, 0, 1);
    else if (low)
        ROWS(1, 0, 0);
    else if (keeps)
        ROWS(0, 0, 1);
    else
        ROWS(0, 0, 0);
#undef ROWS
}

/* Go back by a frame in both cells. */
static inline void go_back_rows(const float *gates, const float *new_back, const float *states,
                                const float *gradient, const void *through, float *carried,
                                void *given, void *fed_back, void *new_fed, int64_t clips,
                                int64_t size, const int low, const int low_fed)
{
    for (int64_t row = 0; row < 2 * clips; row++) {
        int64_t clip = row / 2, cell = row % 2;
        const float *restrict gate = gates + row * 3 * size;
        const float *restrict back = new_back + row * size;
        const float *restrict state = states + row * size;
        const float *restrict direct = gradient + row * size;
        const void *restrict later = at(through, (cell * clips + clip) * size, low_fed);
        float *restrict past = carried + row * size;
        void *restrict of_given = at(given, row * 3 * size, low);
        void *restrict of_back = at(fed_back, (cell * clips + clip) * 3 * size, low_fed);
        void *restrict of_new_back = at(new_fed, row * size, low);
#pragma omp simd
        for (int64_t i = 0; i < size; i++) {
            float reset = gate[i], update = gate[size + i], new = gate[2 * size + i];
            float of_state = direct[i] + past[i] + number_of(later, i, low_fed);
            float of_new = of_state * (1.0f - update) * (1.0f - new * new);
            float of_update = of_state * (state[i] - new) * update * (1.0f - update);
            float of_reset = of_new * back[i] * reset * (1.0f - reset);
            past[i] = of_state * update;
            set(of_given, i, of_reset, low);
            set(of_back, i, of_reset, low_fed);
            set(of_given, size + i, of_update, low);
            set(of_back, size + i, of_update, low_fed);
            set(of_given, 2 * size + i, of_new, low);
            set(of_back, 2 * size + i, of_new * reset, low_fed);
            set(of_new_back, i, of_new * reset, low);
        }
    }
}

/* Go back by a frame, with the gradients of its states.

   gates:    [T, N, 2, 3, H], as kept.
   new_back: [T, N, 2, H], as kept.
   states:   [1 + T, N, 2, H].
   gradient: [T, N, 2, H], that of the states after each frame, but for what comes from later ones.
   through:  [2, N, H], what comes through the gates of the frame after this one.
   carried:  [N, 2, H], what comes past them; afterwards what goes on past this frame's.
   given:    [T, N, 2, 3, H], the frame's is written: the gradient of what the inputs give.
   fed_back: [2, N, 3, H], is written: that of what the gates are fed back.
   new_fed:  [T, N, 2, H], the frame's is written: the last third of fed_back.

   `given` and `new_fed` are bfloat16 if `low`, `through` and `fed_back` if `low_fed`, which they are
   only together. */
void go_back(const float *gates, const float *new_back, const float *states, const float *gradient,
             const void *through, float *carried, void *given, void *fed_back, void *new_fed,
             int64_t frame, int64_t clips, int64_t size, int64_t low, int64_t low_fed)
{
    int64_t before = frame * clips * 2 * size;
    gates += 3 * before;
    new_back += before;
    states += before;
    gradient += before;
    given = at(given, 3 * before, low);
    new_fed = at(new_fed, before, low);
/* One loop for each kind of numbers. */
#define ROWS(low, low_fed)                                                                      \
    go_back_rows(gates, new_back, states, gradient, through, carried, given, fed_back, new_fed, \
                 clips, size, low, low_fed)
    if (low_fed)
        ROWS(1, 1);
    else if (low)
        ROWS(1, 0);
    else
        ROWS(0, 0);
#undef ROWS
}
